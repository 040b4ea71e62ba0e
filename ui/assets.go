package ui

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// assetSet is every asset under a name that changes with its content, so that browsers may keep it for ever.
type assetSet struct {
	href map[string]string // "app.css" → "/assets/app.0123456789ab.css"
	data map[string][]byte // by href
}

var assets = loadAssets()

func loadAssets() assetSet {
	set := assetSet{href: map[string]string{}, data: map[string][]byte{}}
	entries, err := fs.ReadDir(assetFiles, "assets")
	if err != nil {
		panic(err) // embedded at build time
	}
	for _, e := range entries {
		set.load(e.Name())
	}
	return set
}

// imported finds the modules that a module imports: from "./later.js".
var imported = regexp.MustCompile(`from "\./([a-z]+\.js)"`)

// load reads an asset, after those it imports: their hashed names become part of it, and so of its own.
func (s *assetSet) load(name string) (href string) {
	if href, loaded := s.href[name]; loaded {
		return href
	}
	data, err := assetFiles.ReadFile("assets/" + name)
	if err != nil {
		panic(err)
	}
	data = imported.ReplaceAllFunc(data, func(found []byte) []byte {
		return []byte(`from "` + s.load(string(imported.FindSubmatch(found)[1])) + `"`)
	})
	sum := sha256.Sum256(data)
	ext := path.Ext(name)
	href = "/assets/" + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
	s.href[name], s.data[href] = href, data
	return href
}

// mediaTypes by ending: not asked of the system, whose tables differ from machine to machine.
var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// Assets serves /assets/…: style sheets, scripts and the icon, each under its hashed name only.
func Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := assets.data[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", mediaTypes[path.Ext(r.URL.Path)])
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodHead {
			_, _ = w.Write(data) // the reader has gone: nobody to tell
		}
	})
}
