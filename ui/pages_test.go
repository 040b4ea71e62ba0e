package ui

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// writeTo makes a directory that any file server can show: go test ./ui -run TestPages -write /tmp/pages.
var writeTo = flag.String("write", "", "directory to write the drawn pages and their assets to")

func TestPages(t *testing.T) {
	for name, page := range everyPage() {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Render(&out, page); err != nil {
				t.Fatal(err)
			}
			if *writeTo != "" {
				write(t, name, out.Bytes())
			}
			doc, err := html.Parse(bytes.NewReader(out.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			checkDocument(t, doc)
			if !strings.HasPrefix(name, "hostile") && out.Len() > 150<<10 {
				t.Errorf("%d bytes are more than a page should have", out.Len())
			}
		})
	}
}

// checkDocument walks a page and complains about whatever the Content-Security-Policy would forbid, whatever a reader
// with assistive technology would miss, and whatever text of users does more than stand there.
func checkDocument(t *testing.T, doc *html.Node) {
	t.Helper()
	ids, labels := map[string]int{}, map[string]bool{}
	var refs []string
	for n := range doc.Descendants() {
		if n.Type == html.TextNode {
			checkText(t, n)
			continue
		}
		if n.Type != html.ElementNode {
			continue
		}
		checkElement(t, n)
		for _, a := range n.Attr {
			checkAttribute(t, n, a)
			switch {
			case a.Key == "id":
				ids[a.Val]++
			case a.Key == "for" && n.Data == "label":
				labels[a.Val] = true
				refs = append(refs, a.Val)
			case slices.Contains([]string{"list", "aria-describedby", "aria-labelledby"}, a.Key):
				refs = append(refs, strings.Fields(a.Val)...)
			case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
				refs = append(refs, a.Val[1:])
			}
		}
	}
	for id, times := range ids {
		if times > 1 {
			t.Errorf("id %q stands %d times", id, times)
		}
	}
	for _, ref := range refs {
		if ids[ref] == 0 {
			t.Errorf("nothing has the id %q that is referred to", ref)
		}
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && slices.Contains([]string{"input", "select", "textarea"}, n.Data) &&
			attr(n, "type") != "hidden" && !labels[attr(n, "id")] && attr(n, "aria-label") == "" && !within(n, "label") {
			t.Errorf("%s %q has no label", n.Data, attr(n, "name"))
		}
		if n.Type == html.ElementNode && slices.Contains([]string{"a", "button", "summary"}, n.Data) &&
			textOf(n) == "" {
			t.Errorf("%s %v says nothing", n.Data, n.Attr)
		}
	}
}

func checkElement(t *testing.T, n *html.Node) {
	t.Helper()
	switch n.Data {
	case "style", "iframe", "object", "embed", "base", "img", "video", "audio":
		t.Errorf("there is an element %s", n.Data)
	case "script":
		if n.FirstChild != nil || !strings.HasPrefix(attr(n, "src"), "/assets/") {
			t.Errorf("there is a script that is not an asset: %v", n.Attr)
		}
	case "form":
		if !strings.HasPrefix(attr(n, "action"), "/") && attr(n, "method") != "dialog" {
			t.Errorf("a form goes to %q", attr(n, "action"))
		}
	}
}

func checkAttribute(t *testing.T, n *html.Node, a html.Attribute) {
	t.Helper()
	switch {
	case strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc":
		t.Errorf("%s has an attribute %s=%.40q", n.Data, a.Key, a.Val)
	case a.Key == "href" || a.Key == "src" || a.Key == "action":
		if !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#") || strings.HasPrefix(a.Val, "//") {
			t.Errorf("%s leads to %.60q", n.Data, a.Val)
		}
		if path, _, _ := strings.Cut(a.Val, "?"); strings.Contains(path, "/../") || strings.Count(path, "/") > 3 {
			t.Errorf("%s leaves its place: %.80q", n.Data, a.Val)
		}
	case a.Key == "value" || a.Key == "placeholder":
		// What somebody filled in comes back unchanged.
	default:
		checkCharacters(t, a.Val)
	}
}

func checkText(t *testing.T, n *html.Node) {
	t.Helper()
	if n.Parent.Data == "textarea" {
		return
	}
	checkCharacters(t, n.Data)
	if n.Parent.Data == "script" {
		t.Errorf("there is an inline script: %.40q", n.Data)
	}
}

func checkCharacters(t *testing.T, s string) {
	t.Helper()
	if i := strings.IndexFunc(strings.ReplaceAll(s, "\ufffd", ""), acts); i >= 0 {
		t.Errorf("a character acts in %.60q", s[max(0, i-20):])
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// within tells whether n stands in an element of that name.
func within(n *html.Node, name string) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == name {
			return true
		}
	}
	return false
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

func write(t *testing.T, name string, page []byte) {
	t.Helper()
	files := map[string][]byte{"/" + name + ".html": page}
	for href, data := range assets.data {
		files[href] = data
	}
	for path, data := range files {
		path = filepath.Join(*writeTo, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHostileTextIsShown looks for what was planted: it must be there, as text.
func TestHostileTextIsShown(t *testing.T) {
	var out bytes.Buffer
	if err := Render(&out, hostile.full()["job-failed"]); err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(&out)
	if err != nil {
		t.Fatal(err)
	}
	text := textOf(doc)
	for _, want := range []string{`<script>alert("pwned")</script>`, "{{.}}",
		"␀␛[31m␡<U+202E>gnp.exe<U+2066><U+FEFF>"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if strings.Contains(text, "very-secret") {
		t.Error("the page shows a secret header")
	}
}
