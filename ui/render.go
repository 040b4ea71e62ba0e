package ui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strings"
)

//go:embed templates/*.html
var templateFiles embed.FS

// Page is anything that Render can draw: a pointer to one of the structs of this package that embed Frame.
type Page interface {
	base() *Frame
	template() string // the name of its file in templates, without ending
}

// Choice is a row of buttons that sets one thing for all pages, and comes back to this one.
type Choice struct {
	Action, Name, Label, Back string
	Options                   []Option
}

// functions are what templates may call beside the methods of pages. None of them declares anything safe.
var functions = template.FuncMap{
	"text":      visible,
	"searchURL": SearchURL,
	"clip":      func(n int, s string) string { return clip(visible(s), n) },
	"link":      Link,
	"took":      Took,
	"size":      Size,
	"size64":    func(n int64) string { return Size(int(n)) },
	"usize":     func(n uint64) string { return Size(int(n)) },
	"span":      span,
	"count":     count,
	"sign":      func(name string) Sign { return Sign{Name: name} },
	"choice": func(action, name, label, back string, options []Option) Choice {
		return Choice{action, name, label, back, options}
	},
	"asset": func(name string) (string, error) {
		if href, ok := assets.href[name]; ok {
			return href, nil
		}
		return "", fmt.Errorf("no asset %q", name)
	},
}

var pages = parsePages()

// parsePages reads every template once; a broken one is a broken build, so it panics.
func parsePages() map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(functions).ParseFS(templateFiles,
		"templates/frame.html", "templates/parts.html", "templates/fields.html", "templates/call.html"))
	all := map[string]*template.Template{}
	for _, name := range []string{"overview", "jobs", "job_new", "job_rerun", "many", "operations", "operation", "job", "targets", "target_form", "target", "schedules",
		"schedule_form", "schedule", "attempts", "attempt", "system", "keys", "audit", "problem", "login"} {
		own := template.Must(shared.Clone())
		all[name] = template.Must(own.ParseFS(templateFiles, "templates/"+name+".html"))
	}
	return all
}

// Render draws a page. Nothing is written unless the whole page could be drawn.
func Render(w io.Writer, page Page) error {
	var out bytes.Buffer
	if err := pages[page.template()].ExecuteTemplate(&out, "frame", page); err != nil {
		return fmt.Errorf("draw page %s: %w", page.template(), err)
	}
	_, err := out.WriteTo(w)
	return err
}

// Link joins path segments to a path from the root, each escaped, so that no name can leave its place. A thing called
// "new" stands at "~new", since "new" is the form for one; no name begins with a tilde.
func Link(segments ...string) string {
	var b strings.Builder
	for i, s := range segments {
		b.WriteByte('/')
		if i == 1 && s == "new" {
			b.WriteByte('~')
		}
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}
