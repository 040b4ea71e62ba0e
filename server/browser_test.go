package server

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browser is somebody who looks at pages without scripts: it keeps cookies, follows redirects, and fills in forms.
type browser struct {
	t       testing.TB
	h       *house
	cookies map[string]string
	at      string // path and query of the page
	status  int
	header  http.Header
	page    *html.Node
}

func (h *house) browser() *browser {
	return &browser{t: h.t, h: h, cookies: map[string]string{}}
}

// get goes to a page.
func (b *browser) get(path string) *browser {
	b.t.Helper()
	return b.request("GET", path, "")
}

func (b *browser) request(method, path, body string) *browser {
	b.t.Helper()
	for range 5 {
		var cookie []string
		for name, value := range b.cookies {
			cookie = append(cookie, name+"="+value)
		}
		w := b.h.raw(method, path, []byte(body), "Accept", "text/html", "Cookie", strings.Join(cookie, "; "),
			"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
		answer := w.Result()
		for _, c := range answer.Cookies() {
			if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
				delete(b.cookies, c.Name)
			}
		}
		if b.status, b.header = answer.StatusCode, answer.Header; answer.StatusCode != http.StatusSeeOther {
			b.at = path
			var err error
			if b.page, err = html.Parse(answer.Body); err != nil {
				b.t.Fatal(err)
			}
			return b
		}
		path, _, _ = strings.Cut(answer.Header.Get("Location"), "#")
		method, body = "GET", ""
	}
	b.t.Fatalf("redirected for ever, at last to %s", path)
	return nil
}

// submit sends the form of the page that goes to action, as it stands but for what is given as name and value; the
// value "-" leaves a check box or a field out.
func (b *browser) submit(action string, pairs ...string) *browser {
	b.t.Helper()
	values := url.Values{}
	found := false
	for n := range b.page.Descendants() {
		if n.Data == "form" && attribute(n, "action") == action {
			found = true
			fields(n, values)
		}
	}
	if !found {
		b.t.Fatalf("%s has no form for %s: %s", b.at, action, b.text())
	}
	for i := 0; i < len(pairs); i += 2 {
		if values.Set(pairs[i], pairs[i+1]); pairs[i+1] == "-" {
			values.Del(pairs[i])
		}
	}
	return b.request("POST", action, values.Encode())
}

// fields collects what a form would send.
func fields(form *html.Node, values url.Values) {
	for n := range form.Descendants() {
		name := attribute(n, "name")
		switch {
		case name == "":
		case n.Data == "textarea":
			values.Set(name, textIn(n))
		case n.Data == "select":
			for o := range n.Descendants() {
				if o.Data == "option" && (hasAttribute(o, "selected") || !values.Has(name)) {
					values.Set(name, attribute(o, "value"))
				}
			}
		case n.Data == "input" && (attribute(n, "type") != "checkbox" || hasAttribute(n, "checked")):
			values.Set(name, attribute(n, "value"))
		}
	}
}

// want checks the status, and that the page says each of the texts.
func (b *browser) want(status int, texts ...string) *browser {
	b.t.Helper()
	said := b.text()
	if b.status != status {
		b.t.Fatalf("%s: status %d, want %d: %s", b.at, b.status, status, said)
	}
	for _, text := range texts {
		if !strings.Contains(said, text) {
			b.t.Errorf("%s does not say %q: %s", b.at, text, said)
		}
	}
	return b
}

// text is what the page says, with single blanks.
func (b *browser) text() string { return strings.Join(strings.Fields(textIn(b.page)), " ") }

// value is what stands in a control.
func (b *browser) value(name string) string {
	b.t.Helper()
	values := url.Values{}
	for n := range b.page.Descendants() {
		if n.Data == "form" {
			fields(n, values)
		}
	}
	return values.Get(name)
}

func textIn(n *html.Node) string {
	var s strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			s.WriteString(d.Data + " ")
		}
	}
	return strings.TrimSuffix(s.String(), " ")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttribute(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}
