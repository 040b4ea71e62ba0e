package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"punctual/dispatcher"
	"punctual/models"
	"punctual/models/testdata/postgres"
	"punctual/webhooks"
)

func TestMain(m *testing.M) {
	code := m.Run()
	postgres.Stop()
	os.Exit(code)
}

// house is a server with everything behind it but the network: a real book, a real dispatcher and a fake sender.
type house struct {
	t      testing.TB
	server *Server
	store  *models.Store
	engine *dispatcher.Dispatcher
	sender *fakeSender
	router routers.Router // of the served OpenAPI document
	header http.Header    // sent with each request
}

// fakeSender answers calls by a function.
type fakeSender struct {
	mu     sync.Mutex
	answer func(context.Context, webhooks.Request) webhooks.Result
}

func (f *fakeSender) Send(ctx context.Context, r webhooks.Request) webhooks.Result {
	f.mu.Lock()
	answer := f.answer
	f.mu.Unlock()
	return answer(ctx, r)
}

func (f *fakeSender) will(answer func(context.Context, webhooks.Request) webhooks.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// answers gives a status at once.
func answers(status int) func(context.Context, webhooks.Request) webhooks.Result {
	return func(context.Context, webhooks.Request) webhooks.Result {
		r := webhooks.Result{Started: time.Now(), Duration: time.Millisecond, StatusCode: status,
			RequestHeader:  http.Header{"Content-Type": {"application/json"}},
			ResponseHeader: http.Header{"X-Answer": {"yes"}}, Body: []byte("seen")}
		if status > 299 {
			r.Err = &webhooks.Error{Kind: webhooks.KindStatus, Message: http.StatusText(status)}
		}
		return r
	}
}

// hangs answers when its call is cut off.
func hangs(ctx context.Context, _ webhooks.Request) webhooks.Result {
	began := time.Now()
	<-ctx.Done()
	return webhooks.Result{Started: began, Duration: time.Since(began), Aborted: true}
}

// now is the tests' clock.
func now() time.Time { return time.Now() }

// open makes a house; change may change the server's settings.
func open(t testing.TB, change ...func(*Config)) *house {
	t.Helper()
	database := "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	if postgres.Asked() {
		database = postgres.Database(t)
	}
	return openAt(t, database, change...)
}

// openAt is open with a book that may have been there before.
func openAt(t testing.TB, database string, change ...func(*Config)) *house {
	t.Helper()
	store, err := models.Open(t.Context(), models.Config{Database: database, Sync: "normal"})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, store: store, sender: &fakeSender{answer: answers(http.StatusOK)}}
	h.engine = dispatcher.New(dispatcher.Config{Grace: time.Millisecond}, store, h.sender)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.engine.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	cfg := Config{Dev: true, Version: "test"}
	for _, c := range change {
		c(&cfg)
	}
	if h.server, err = New(cfg, store, h.engine); err != nil {
		t.Fatal(err)
	}
	h.header = http.Header{"Host": {"localhost"}}
	if !cfg.Dev {
		h.header.Set("Authorization", "Bearer "+cfg.AdminKey)
	}
	h.router = document(t, h)
	return h
}

// document loads the served OpenAPI document and checks it.
func document(t testing.TB, h *house) routers.Router {
	t.Helper()
	served := h.raw("GET", "/openapi.json", nil)
	doc, err := openapi3.NewLoader().LoadFromData(served.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// raw makes a request without looking at what comes.
func (h *house) raw(method, path string, body []byte, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	for name, values := range h.header {
		r.Header[name] = values
	}
	r.Host = "localhost"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	w := httptest.NewRecorder()
	h.server.Handler().ServeHTTP(w, r)
	return w
}

// do makes a request, wants a status, and checks the exchange against the OpenAPI document. A request that is
// refused need not be a valid one.
func (h *house) do(want int, method, path, body string, header ...string) object {
	h.t.Helper()
	w := h.raw(method, path, []byte(body), header...)
	if w.Code != want {
		h.t.Fatalf("%s %s %.200s: status %d, want %d: %s", method, path, body, w.Code, want, w.Body)
	}
	h.conforms(w, method, path, body, header...)
	out := object{t: h.t, status: w.Code, header: w.Header()}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out.members); err != nil {
			h.t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	return out
}

func (h *house) conforms(w *httptest.ResponseRecorder, method, path, body string, header ...string) {
	h.t.Helper()
	r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	} else {
		r.Body = nil
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	found, params, err := h.router.FindRoute(r)
	if err != nil {
		if w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed {
			h.t.Errorf("%s %s is not in the document: %v", method, path, err)
		}
		return
	}
	request := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: found,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
			ExcludeReadOnlyValidations: true, IncludeResponseStatus: true, SkipSettingDefaults: true}}
	if w.Code < 300 {
		if err := openapi3filter.ValidateRequest(h.t.Context(), request); err != nil {
			h.t.Errorf("%s %s: the request is not as documented: %v", method, path, err)
		}
	}
	response := &openapi3filter.ResponseValidationInput{RequestValidationInput: request, Status: w.Code,
		Header: w.Header(), Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())), Options: request.Options}
	if err := openapi3filter.ValidateResponse(h.t.Context(), response); err != nil {
		h.t.Errorf("%s %s: the answer is not as documented: %v", method, path, err)
	}
}

// object is a JSON object that came back.
type object struct {
	t       testing.TB
	status  int
	header  http.Header
	members map[string]json.RawMessage
}

// raw is a member as it stands, "" if there is none.
func (o object) raw(path string) string {
	at, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		return string(o.members[at])
	}
	inner := object{t: o.t}
	if err := json.Unmarshal(o.members[at], &inner.members); err != nil {
		o.t.Helper()
		o.t.Fatalf("%s is %s, not an object", at, o.members[at])
	}
	return inner.raw(rest)
}

// text is a member that is a string.
func (o object) text(path string) string {
	o.t.Helper()
	var s string
	if err := json.Unmarshal([]byte(o.raw(path)), &s); err != nil {
		o.t.Fatalf("%s is %s, not a string", path, o.raw(path))
	}
	return s
}

// is wants members to be as given, alternately path and JSON.
func (o object) is(pairs ...string) object {
	o.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := o.raw(pairs[i]); got != pairs[i+1] {
			o.t.Errorf("%s is %s, want %s", pairs[i], got, pairs[i+1])
		}
	}
	return o
}

// items are the objects of a list.
func (o object) items() []object {
	o.t.Helper()
	var all []map[string]json.RawMessage
	if err := json.Unmarshal(o.members["items"], &all); err != nil {
		o.t.Fatal(err)
	}
	out := make([]object, len(all))
	for i, members := range all {
		out[i] = object{t: o.t, members: members}
	}
	return out
}

// target registers a target.
func (h *house) target(name string, more ...string) object {
	h.t.Helper()
	return h.do(201, "POST", "/v1/targets", `{"name":"`+name+`","url":"https://`+name+`.example.com/hook"`+strings.Join(more, "")+`}`)
}

// ended waits until a job has one of the final states.
func (h *house) ended(id string) object {
	h.t.Helper()
	return h.waitFor(id, func(job object) bool { return models.State(job.text("state")).Final() })
}

// until waits until a job has a state, and if members are named, until they are not 0.
func (h *house) until(id, state string, notZero ...string) object {
	h.t.Helper()
	return h.waitFor(id, func(job object) bool {
		return job.text("state") == state &&
			!slices.ContainsFunc(notZero, func(member string) bool { return job.raw(member) == "0" })
	})
}

// waitFor looks at a job until it is as wanted. Looking again and again costs nothing here and needs no notice of
// changes that have none, such as the beginning of a call.
func (h *house) waitFor(id string, isWanted func(object) bool) object {
	h.t.Helper()
	for began := time.Now(); ; runtime.Gosched() {
		job := h.do(200, "GET", "/v1/jobs/"+id, "")
		if isWanted(job) {
			return job
		}
		if time.Since(began) > 30*time.Second {
			h.t.Fatalf("job is still %s", job.raw("state"))
		}
	}
}
