package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rooms are the packages and which of the others each may import. There are no other edges and no other packages.
var rooms = map[string][]string{
	"cmd/punctual": {"server", "dispatcher", "models", "webhooks", "ui"},
	"server":       {"dispatcher", "models", "ui"},
	"dispatcher":   {"models", "webhooks"},
	"ui":           {"models"},
	"models":       {},
	"webhooks":     {},
}

// onlyIn says where a package from outside may be imported: a room, or a file. A path covers what is below it.
var onlyIn = map[string][]string{
	"gorm.io":                               {"models"},
	"database/sql":                          {"models"},
	"github.com/mattn/go-sqlite3":           {"models"},
	"github.com/pressly/goose":              {"models"},
	"github.com/jackc/pgx":                  {"models"},
	"github.com/hashicorp/go-memdb":         {"dispatcher/queue.go"},
	"github.com/gin-gonic/gin":              {"server"},
	"github.com/danielgtaylor/huma":         {"server"},
	"github.com/hashicorp/go-retryablehttp": {"webhooks"},
	"github.com/standard-webhooks":          {"webhooks"},
	"crypto/hmac":                           {"webhooks"},
	"html/template":                         {"ui"},
	"text/template":                         {},
	"flag":                                  {},
	"os/signal":                             {"cmd/punctual"},
	"github.com/urfave/cli":                 {"cmd/punctual"},
	"github.com/goccy/go-yaml":              {"cmd/punctual"},
	"testing":                               {},
	"log":                                   {}, // log/slog is handed in
	"unsafe":                                {},
}

// namesOnlyIn says where a name of a package may be used. The API client of the command line is an exception to
// the rule that only webhooks makes requests: it calls our own server for the person at the keyboard, not targets.
// The bench's clients have a transport of their own, because the limit is what a bare client can do without webhooks.
var namesOnlyIn = map[string][]string{
	"http.Client":                {"webhooks", "cmd/punctual"},
	"http.DefaultClient":         {},
	"http.Transport":             {"webhooks", "cmd/punctual/bench_load.go"},
	"http.DefaultTransport":      {},
	"http.Get":                   {},
	"http.Post":                  {},
	"http.PostForm":              {},
	"http.Head":                  {},
	"http.NewRequest":            {},
	"http.NewRequestWithContext": {"webhooks", "cmd/punctual"},
	"net.Dial":                   {},
	"net.DialTimeout":            {},
	"net.Dialer":                 {"webhooks"},
	"os.Getenv":                  {"cmd/punctual"},
	"os.LookupEnv":               {},
	"os.Environ":                 {},
	"os.Setenv":                  {},
	"os.Exit":                    {"cmd/punctual"},
	"os.Args":                    {"cmd/punctual"},
	"os.Stdout":                  {"cmd/punctual"},
	"os.Stderr":                  {"cmd/punctual"},
	"time.Sleep":                 {},
	// The writer measures how long a batch may grow, and the clock how long ago it was set. All else in models is told the time.
	"time.Now": {"cmd/punctual", "server", "dispatcher", "webhooks", "models/writer.go", "models/clock.go", "models/dialect_postgres_notify.go"},
}

// mayStart says where a goroutine may be started.
var mayStart = []string{"dispatcher", "models/writer.go", "server/server.go", "cmd/punctual"}

// engines are words that only the dialects may know.
var engines = regexp.MustCompile(`(?i)sqlite|postgres`)

// vague are names that say nothing about what is inside.
var vague = []string{"util", "utils", "common", "helper", "helpers", "type", "types", "manager", "misc", "base"}

// source is one parsed file.
type source struct {
	name string // relative to the module, with slashes
	room string
	fset *token.FileSet
	ast  *ast.File
}

// sources parses the module's files that are not tests. Modules within, such as ui/e2e, are houses of their own.
func sources(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	var files []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, inner := os.Stat(filepath.Join(p, "go.mod"))
			hidden := strings.HasPrefix(d.Name(), ".") && d.Name() != ".."
			if p != root && (inner == nil || hidden || d.Name() == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		s := source{name: filepath.ToSlash(rel), room: path.Dir(filepath.ToSlash(rel)), fset: token.NewFileSet()}
		s.ast, err = parser.ParseFile(s.fset, p, nil, parser.ParseComments)
		files = append(files, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// at says where a node stands.
func (s source) at(n ast.Node) string {
	return s.name + ":" + strings.TrimPrefix(s.fset.Position(n.Pos()).String(), s.fset.Position(n.Pos()).Filename+":")
}

// in tells whether the file is one of the places, which are rooms or files.
func (s source) in(places []string) bool {
	return slices.Contains(places, s.room) || slices.Contains(places, s.name)
}

func TestRoomsKnowOnlyTheRoomsBelow(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		allowed, known := rooms[s.room]
		if !known {
			t.Errorf("%s: there is no room %s", s.name, s.room)
		}
		seen[s.room] = true
		for _, spec := range s.ast.Imports {
			target := strings.Trim(spec.Path.Value, `"`)
			if ours, ok := strings.CutPrefix(target, "punctual/"); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s: %s may not know %s", s.at(spec), s.room, ours)
			}
		}
	}
	for room := range rooms {
		if !seen[room] {
			t.Errorf("room %s is empty: the table or the walk is wrong", room)
		}
	}
}

func TestImportsStayWhereTheyBelong(t *testing.T) {
	for _, s := range sources(t) {
		for _, spec := range s.ast.Imports {
			target := strings.Trim(spec.Path.Value, `"`)
			for pkg, places := range onlyIn {
				below := strings.HasPrefix(target, pkg+"/") && strings.Contains(pkg, ".")
				if (target == pkg || below) && !s.in(places) {
					t.Errorf("%s: only %v may import %s", s.at(spec), places, target)
				}
			}
			if spec.Name != nil && spec.Name.Name == "." {
				t.Errorf("%s: names must say where they come from", s.at(spec))
			}
		}
	}
}

func TestNamesStayWhereTheyBelong(t *testing.T) {
	for _, s := range sources(t) {
		imported := importedNames(s.ast)
		ast.Inspect(s.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if !ok || imported[pkg.Name] == "" {
				return true
			}
			name := path.Base(imported[pkg.Name]) + "." + sel.Sel.Name
			if places, limited := namesOnlyIn[name]; limited && !s.in(places) {
				t.Errorf("%s: only %v may use %s", s.at(n), places, name)
			}
			return true
		})
	}
}

// importedNames maps the name by which a file knows a package to its path.
func importedNames(f *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range f.Imports {
		target := strings.Trim(spec.Path.Value, `"`)
		name := path.Base(target)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = target
	}
	return names
}

func TestOnlyDialectsKnowTheEngines(t *testing.T) {
	for _, s := range sources(t) {
		if s.room == "cmd/punctual" || strings.HasPrefix(s.name, "models/dialect") {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				if engines.MatchString(n.Name) {
					t.Errorf("%s: %s is for models/dialect*.go alone", s.at(n), n.Name)
				}
			case *ast.BasicLit:
				if engines.MatchString(n.Value) {
					t.Errorf("%s: %s is for models/dialect*.go alone", s.at(n), n.Value)
				}
			}
			return true
		})
	}
}

func TestGoroutinesStartWhereTheyAreOwned(t *testing.T) {
	for _, s := range sources(t) {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			if started, ok := n.(*ast.GoStmt); ok && !s.in(mayStart) {
				t.Errorf("%s: only %v may start goroutines", s.at(started), mayStart)
			}
			return true
		})
	}
}

func TestFilesAreNamedAfterWhatIsInside(t *testing.T) {
	described := map[string]bool{}
	for _, s := range sources(t) {
		base := strings.TrimSuffix(path.Base(s.name), ".go")
		for _, word := range append(strings.Split(base, "_"), s.ast.Name.Name) {
			if slices.Contains(vague, word) {
				t.Errorf("%s: %q says nothing about what is inside", s.name, word)
			}
		}
		if base == "doc" && s.ast.Doc != nil {
			described[s.room] = true
		}
	}
	for room := range rooms {
		if !described[room] {
			t.Errorf("%s has no doc.go with a package comment", room)
		}
	}
}
