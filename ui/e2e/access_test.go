package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// axe is the source of axe-core, an auditor of accessibility, which PUNCTUAL_AXE names. It is no part of this
// repository: .ci/run gets it for the tests.
func axe(t *testing.T) string {
	t.Helper()
	path := os.Getenv("PUNCTUAL_AXE")
	if path == "" && os.Getenv("CI") == "true" {
		t.Fatal("PUNCTUAL_AXE does not name axe.min.js, and in CI the pages must be audited")
	}
	if path == "" {
		t.Skip("NOT TESTED: PUNCTUAL_AXE does not name axe.min.js, so nobody has audited the pages")
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// TestNoViolation audits every page on wide screens and phones, in both themes. Menus are opened, for what is folded
// away is not looked at.
func TestNoViolation(t *testing.T) {
	chromium(t)
	source := axe(t)
	eachSight(t, func(b *browser, name string) {
		ask[bool](b, `(document.querySelectorAll("details").forEach((d) => (d.open = true)), true)`)
		for _, v := range audit(b, source) {
			t.Errorf("%s: %s", name, v)
		}
	})
}

// audit runs axe-core in the page and gives what it finds wrong.
func audit(b *browser, source string) []string {
	b.t.Helper()
	ask[bool](b, source+`; true`)
	ask[bool](b, `(window.audited = null, axe.run(document, {resultTypes: ["violations"]}).then((r) => (window.audited = JSON.stringify(
		r.violations.map((v) => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + n.any.map((a) => a.message).join(" ")).join(" | "))))), true)`)
	b.holds(`window.audited !== null`)
	var found []string
	if err := json.Unmarshal([]byte(ask[string](b, `window.audited`)), &found); err != nil {
		b.t.Fatal(err)
	}
	for i, f := range found {
		found[i] = strings.Join(strings.Fields(f), " ")
	}
	return found
}
