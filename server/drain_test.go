package server

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A client that sends all of its body before it looks for an answer gets one, whether it told the length or not.
func TestTooLargeIsAnswered(t *testing.T) {
	h := open(t, func(c *Config) { c.MaxRequest, c.MaxPayload = 1000, 1000 })
	door := httptest.NewServer(h.server.Handler())
	defer door.Close()
	body := bytes.Repeat([]byte("x"), 8<<20) // more than the buffers of a connection hold
	for _, length := range []int64{int64(len(body)), -1} {
		req, err := http.NewRequest("POST", door.URL+"/v1/jobs", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Host, req.ContentLength = "localhost", length
		res, err := door.Client().Do(req)
		if err != nil {
			t.Fatalf("length %d: %v", length, err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("length %d: %s", length, res.Status)
		}
	}
}
