package server

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"punctual/models"
)

func TestExport(t *testing.T) {
	h := open(t)
	h.target("billing", `,"paused":true`)
	for range 6 {
		h.do(201, "POST", "/v1/jobs/batch", `{"jobs":[`+strings.Repeat(`{"target":"billing"},`, 99)+
			`{"target":"billing","payload":{"n":1},"labels":{"=cmd":"a,\"b"}}]}`)
	}
	w := h.raw("GET", "/v1/jobs/export?target=billing", nil)
	rows, err := csv.NewReader(w.Body).ReadAll()
	if err != nil || w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/csv") || len(rows) != 1+600 {
		t.Fatalf("%d, %d rows, %v, %v", w.Code, len(rows), w.Header(), err)
	}
	labeled := 0
	for i, row := range rows {
		if len(row) != len(exportColumns) {
			t.Errorf("row %d has %d cells", i, len(row))
		}
		if row[7] == `'=cmd=a,"b` {
			labeled++
		} else if strings.HasPrefix(row[7], "=") {
			t.Errorf("a cell begins with =: %q", row[7])
		}
	}
	if labeled != 6 {
		t.Errorf("%d of 6 rows with a label", labeled)
	}
	w = h.raw("GET", "/v1/jobs/export?format=json&label=%3Dcmd:a,%22b", nil)
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	for _, line := range lines {
		var job map[string]any
		if err := json.Unmarshal([]byte(line), &job); err != nil || fmt.Sprint(job["payload"]) != "map[n:1]" {
			t.Errorf("%v in %s", err, line)
		}
	}
	if len(lines) != 6 || w.Header().Get("Content-Disposition") != `attachment; filename="jobs.ndjson"` {
		t.Errorf("%d lines, %v", len(lines), w.Header())
	}
	for _, query := range []string{"format=xml", "label=x", "cursor=x"} {
		h.do(422, "GET", "/v1/jobs/export?"+query, "")
	}
}

// deadlined is a writer that counts its deadlines.
type deadlined struct {
	*httptest.ResponseRecorder
	set int
}

func (d *deadlined) SetWriteDeadline(at time.Time) error {
	if until := time.Until(at); until <= 0 || until > writeTimeout {
		return fmt.Errorf("a deadline in %v", until)
	}
	d.set++
	return nil
}

// An export may take for ever, but each of its pages must be read in time.
func TestExportDropsWhoDoesNotRead(t *testing.T) {
	h := open(t)
	h.target("billing", `,"paused":true`)
	for range 2 {
		h.do(201, "POST", "/v1/jobs/batch", `{"jobs":[`+strings.Repeat(`{"target":"billing"},`, 499)+`{"target":"billing"}]}`)
	}
	w := &deadlined{ResponseRecorder: httptest.NewRecorder()}
	if err := h.server.export(t.Context(), w, "csv", models.JobFilter{}); err != nil || w.set < 2 {
		t.Errorf("%d deadlines, %v", w.set, err)
	}
}

func TestUpcoming(t *testing.T) {
	h := open(t)
	h.target("billing")
	h.do(201, "POST", "/v1/schedules", `{"name":"a","target":"billing","every":"10m"}`)
	h.do(201, "POST", "/v1/schedules", `{"name":"b","target":"billing","cron":"0 9 * * *","timezone":"Europe/Berlin"}`)
	h.do(201, "POST", "/v1/schedules", `{"name":"c","target":"billing","every":"1s","paused":true}`)
	if n := len(h.do(200, "GET", "/v1/upcoming", "").is("truncated", "false").items()); n < 5 || n > 8 {
		t.Errorf("%d runs within the hour", n)
	}
	if n := len(h.do(200, "GET", "/v1/upcoming?within=2d&limit=3&target=billing", "").is("truncated", "true").items()); n != 3 {
		t.Errorf("%d of 3 runs", n)
	}
	h.do(200, "GET", "/v1/upcoming?until=2020-01-01T00:00:00Z", "").is("items", "[]", "truncated", "false")
	for _, query := range []string{"within=soon", "within=400d", "within=1h&until=2027-01-01T00:00:00Z", "limit=0", "limit=501"} {
		h.do(422, "GET", "/v1/upcoming?"+query, "")
	}
}
