package server

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkCreateJob is POST /v1/jobs without the network, from the router to the commit and back. The target is
// paused, so that nothing is called.
func BenchmarkCreateJob(b *testing.B) {
	h := open(b)
	h.target("billing", `,"paused":true`)
	body := []byte(`{"target":"billing","payload":{"invoice":7,"customer":"c-42"}}`)
	b.ReportAllocs()
	b.ResetTimer()
	b.SetParallelism(32) // on two cores: 64 clients
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			r := httptest.NewRequest("POST", "http://localhost/v1/jobs", bytes.NewReader(body))
			w := httptest.NewRecorder()
			h.server.Handler().ServeHTTP(w, r)
			if w.Code != http.StatusCreated {
				b.Fatal(w.Code, w.Body)
			}
		}
	})
}

// BenchmarkReadAndView is what the door itself adds to a job: reading the request and writing the answer.
func BenchmarkReadAndView(b *testing.B) {
	h := open(b)
	h.target("billing", `,"paused":true`)
	data := []byte(`{"target":"billing","payload":{"invoice":7,"customer":"c-42"}}`)
	made := h.do(201, "POST", "/v1/jobs", string(data))
	job, err := h.store.Job(b.Context(), made.text("id"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := read[jobIn](data); err != nil {
			b.Fatal(err)
		}
		if _, err := encode(h.server.viewJob(job)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAuthorized is BenchmarkCreateJob with what keys add: none needed, one shown, and one that has a rate.
func BenchmarkAuthorized(b *testing.B) {
	body := []byte(`{"target":"billing","payload":{"invoice":7,"customer":"c-42"}}`)
	for _, c := range []struct{ name, rate string }{{"open", "-"}, {"key", ""}, {"rate", `,"rate_limit":"1000000/s"`}} {
		b.Run(c.name, func(b *testing.B) {
			h := open(b, func(cfg *Config) { cfg.Dev, cfg.AdminKey = c.rate == "-", "correct-horse" })
			h.target("billing", `,"paused":true`)
			authorization := "Bearer "
			if c.rate != "-" {
				authorization += h.key("k", "write", c.rate)
			}
			b.ReportAllocs()
			b.ResetTimer()
			b.SetParallelism(32) // on two cores: 64 clients
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					r := httptest.NewRequest("POST", "http://localhost/v1/jobs", bytes.NewReader(body))
					r.Header.Set("Authorization", authorization)
					w := httptest.NewRecorder()
					h.server.Handler().ServeHTTP(w, r)
					if w.Code != http.StatusCreated {
						b.Fatal(w.Code, w.Body)
					}
				}
			})
		})
	}
}
