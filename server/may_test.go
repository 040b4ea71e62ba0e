package server

import (
	"net/http"
	"strings"
	"testing"

	"punctual/models"
)

// needAt is what the route needs that takes a path: one without parameters before one with them.
func (h *house) needAt(method, path string) (found need, isRoute bool) {
	path, _, _ = strings.Cut(path, "?")
	asked := strings.Split(path, "/")
	for r, n := range h.server.rules {
		segments := strings.Split(r.path, "/")
		fits := r.method == method && len(segments) == len(asked)
		for i := 0; fits && i < len(segments); i++ {
			fits = segments[i] == asked[i] || strings.HasPrefix(segments[i], ":")
		}
		if fits && (!isRoute || r.path == path) {
			found, isRoute = n, true
		}
		if fits && r.path == path {
			break
		}
	}
	return found, isRoute
}

// TestNothingIsOfferedThatWouldBeRefused goes wherever the pages lead, with keys of little reach, and holds each link
// and each form to what its key may do.
func TestNothingIsOfferedThatWouldBeRefused(t *testing.T) {
	for scope, more := range map[string]string{"read": "", "write": "", "admin": `,"targets":["mine"]`} {
		h := guarded(t)
		mine := h.estate("mine")
		h.do(200, "POST", "/v1/jobs/"+mine.job+"/cancel", "")
		h.crawl(scope, h.key("k", scope, more))
	}
}

func (h *house) crawl(scope, key string) {
	h.t.Helper()
	h.header.Set("Authorization", "Bearer "+key)
	b := h.browser()
	seen, queue := map[string]bool{}, []string{"/"}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if b.get(at); b.status != http.StatusOK {
			h.t.Errorf("%s: %s leads to %d", scope, at, b.status)
			continue
		}
		if strings.Contains(b.text(), "whsec_") {
			h.t.Errorf("%s: %s shows a secret", scope, at)
		}
		for n := range b.page.Descendants() {
			href, action := attribute(n, "href"), attribute(n, "action")
			if attribute(n, "method") == "post" {
				if n, isRoute := h.needAt("POST", action); !isRoute || n.scope != "" && !models.Scope(scope).Covers(n.scope) {
					h.t.Errorf("%s: %s offers %s", scope, at, action)
				}
			}
			if n.Data == "a" && strings.HasPrefix(href, "/") && !strings.HasPrefix(href, "/docs") && !strings.HasPrefix(href, "/jobs/export") && !seen[href] && len(seen) < 200 {
				seen[href] = true
				queue = append(queue, href)
			}
		}
	}
	if len(seen) < 10 {
		h.t.Errorf("%s: only %d links", scope, len(seen))
	}
}

// TestKeysPage makes a key by form, uses it, and revokes it.
func TestKeysPage(t *testing.T) {
	h := guarded(t)
	h.target("billing")
	b := h.browser()
	b.get("/system").want(200, "Keys", "Audit")
	b.get("/keys").want(200, "There is no key in the database.")
	b.submit("/keys", "name", "Worker!", "expires_in", "soon").
		want(422, "must be a length of time")
	b.submit("/keys", "name", "worker", "scope", "read", "targets", "billing, mail", "expires_in", "90d").want(200, "The new key",
		"billing, mail")
	text := ""
	for word := range strings.FieldsSeq(b.text()) {
		if models.IsKeyText(word) {
			text = word
		}
	}
	h.do(200, "GET", "/v1/jobs", "", "Authorization", "Bearer "+text)
	if b.get("/keys").want(200, "worker"); strings.Contains(b.text(), text) {
		t.Error("the key is shown again")
	}
	b.submit("/keys/worker/revoke").want(200, "The key is revoked.")
	h.do(401, "GET", "/v1/jobs", "", "Authorization", "Bearer "+text)
	b.get("/audit").want(200, "admin-key", "revoke", "create", "worker")
	b.get("/audit?action=revoke").want(200, "revoke")
	b.get("/audit?cursor=x").want(422)
	b.get("/audit?who=nobody").want(200, "Nothing matches")
}
