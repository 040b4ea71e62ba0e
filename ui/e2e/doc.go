// Package e2e looks at the pages with a real browser. It is a module of its own, so that the house needs neither a
// browser nor the library that drives one: cd ui/e2e && go test ./...
//
// Without Chromium the tests are skipped, and say so; with CI=true that is a failure. Screenshots of every page, light
// and dark, wide and phone, are left in shots/.
package e2e
