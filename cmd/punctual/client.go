package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds of the client.
const (
	maxAnswer  = 256 << 20        // bytes of an answer that are read
	answerTime = 16 * time.Minute // a test call may take as long as a target's longest timeout
)

// client speaks to a server's API.
type client struct {
	base string // URL of the server, without a slash at its end
	key  string // "": none is sent
	http http.Client
}

func newClient(base, key string) (*client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("--server must be the URL of a server, such as http://127.0.0.1:8080")
	}
	return &client{base: strings.TrimRight(base, "/"), key: key}, nil
}

// request is one call of the API.
type request struct {
	method string
	path   string
	query  url.Values
	header http.Header
	body   json.RawMessage // nil: none
}

// answer is a 2xx.
type answer struct {
	status int
	header http.Header
	body   json.RawMessage // empty after a 204
}

// do makes one request. An answer other than a 2xx is a *problem.
func (c *client) do(ctx context.Context, r request) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	req, err := c.prepare(ctx, r)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, readProblem(resp, body)
	}
	return &answer{resp.StatusCode, resp.Header, body}, nil
}

func (c *client) prepare(ctx context.Context, r request) (*http.Request, error) {
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "punctual/"+readBuild().version)
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	return req, nil
}

// unreachable says why there was no answer, without the noise of the request.
func (c *client) unreachable(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("cannot reach %s: %w; is the server running, and is this its --server URL?", c.base, err)
	}
	return fmt.Errorf("no answer from %s: %w", c.base, err)
}

// problem is an answer that is not a 2xx, as RFC 9457 writes it.
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct {
		Location string `json:"location"`
		Message  string `json:"message"`
	} `json:"errors"`
}

// readProblem takes what it can from an answer that may come from any proxy on the way.
func readProblem(resp *http.Response, body []byte) *problem {
	p := &problem{}
	if json.Unmarshal(body, p) != nil || p.Title == "" {
		p = &problem{}
	}
	p.Status = resp.StatusCode
	p.Title = cmp.Or(p.Title, http.StatusText(resp.StatusCode))
	return p
}

// Error gives status, title and detail, then a line for each field that is wrong.
func (p *problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s", p.Status, p.Title)
	if p.Detail != "" && p.Detail != p.Title {
		b.WriteString(": " + p.Detail)
	}
	if p.Status == http.StatusUnauthorized {
		b.WriteString("\n  give a key by --key or PUNCTUAL_KEY")
	}
	for _, e := range p.Errors {
		fmt.Fprintf(&b, "\n  %s: %s", e.Location, e.Message)
	}
	return plainLines(b.String())
}

// listing is one page of a list.
type listing struct {
	Items []json.RawMessage `json:"items"`
	Next  string            `json:"next_cursor,omitempty"`
}

// pages gives the pages of a list, the first alone or all of them, until yield has had enough.
func (c *client) pages(ctx context.Context, r request, all bool, yield func(listing) error) error {
	for {
		a, err := c.do(ctx, r)
		if err != nil {
			return err
		}
		var page listing
		if err := json.Unmarshal(a.body, &page); err != nil {
			return fmt.Errorf("%s did not answer with a list: %w", c.base, err)
		}
		if err := yield(page); err != nil || !all || page.Next == "" {
			return err
		}
		r.query.Set("cursor", page.Next)
	}
}
