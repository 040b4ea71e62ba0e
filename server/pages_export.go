package server

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"punctual/models"
)

// exportJobs gives all jobs that a search finds as a file, read page by page while it is written. What was made or ended
// meanwhile may be in it or not.
func (s *Server) exportJobs(c *gin.Context) {
	filter, err := models.ParseSearch(c.Query("q"), time.Now())
	if err != nil {
		s.drawProblem(c, s.pageProblem(c.Request.Context(), err))
		return
	}
	var to jobFile
	switch format := c.Query("format"); format {
	case "csv":
		to = &csvJobs{out: csv.NewWriter(c.Writer)}
	case "json":
		to = &jsonJobs{out: c.Writer, view: s.viewJob}
	default:
		s.drawProblem(c, problemOf(&models.Invalid{Field: "format", Why: "must be csv or json"}))
		return
	}
	jobs, next, err := s.store.Jobs(c.Request.Context(), filter, models.Page{Limit: models.MaxPage})
	if err != nil {
		s.drawProblem(c, s.pageProblem(c.Request.Context(), err))
		return
	}
	kind, name := to.kind()
	h := c.Writer.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	unhurried(c.Writer)
	for to.begin() == nil {
		if to.add(jobs) != nil || next == "" {
			break
		}
		// Once the file has begun, an error can only cut it off: the reader sees that it does not end.
		if jobs, next, err = s.store.Jobs(c.Request.Context(), filter, models.Page{Limit: models.MaxPage, Cursor: next}); err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	_ = to.end() // the reader has gone: nobody to tell
}

// jobFile is a format of a file of jobs. begin may be called again before each page, and does something once.
type jobFile interface {
	kind() (mediaType, name string)
	begin() error
	add(jobs []*models.Job) error
	end() error
}

// csvJobs writes comma-separated values, as RFC 4180 has them.
type csvJobs struct {
	out   *csv.Writer
	begun bool
}

func (*csvJobs) kind() (string, string) { return "text/csv; charset=utf-8", "jobs.csv" }

func (f *csvJobs) begin() error {
	if f.begun {
		return nil
	}
	f.begun = true
	return f.out.Write([]string{"id", "target", "state", "reason", "origin", "schedule", "priority", "scheduled_for", "run_at",
		"created_at", "finished_at", "attempts", "status_code", "error", "labels"})
}

func (f *csvJobs) add(jobs []*models.Job) error {
	for _, j := range jobs {
		target, status, trouble := "", "", ""
		if j.Of != nil {
			target = j.Of.Name
		}
		if j.Last != nil && j.Last.StatusCode > 0 {
			status = strconv.Itoa(j.Last.StatusCode)
		}
		if j.Last != nil {
			trouble = j.Last.ErrorMessage
		}
		labels, err := json.Marshal(j.Labels)
		if err != nil {
			return err
		}
		row := []string{j.ID, target, string(j.State), j.Reason, string(j.Origin), j.Schedule, j.Priority.String(),
			csvTime(j.ScheduledFor), csvTime(j.RunAt), csvTime(j.CreatedAt), csvTime(j.FinishedAt), strconv.Itoa(j.Attempts),
			status, trouble, string(labels)}
		for i := range row {
			row[i] = inert(row[i])
		}
		if err := f.out.Write(row); err != nil {
			return err
		}
	}
	f.out.Flush()
	return f.out.Error()
}

func (f *csvJobs) end() error { f.out.Flush(); return f.out.Error() }

func csvTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return string(momentOf(t))
}

// inert keeps a spreadsheet from taking a stranger's text for a formula.
func inert(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

// jsonJobs writes an array of jobs as the API shows them, one a line.
type jsonJobs struct {
	out   io.Writer
	view  func(*models.Job) jobOut
	begun bool
	any   bool
}

func (*jsonJobs) kind() (string, string) { return "application/json", "jobs.json" }

func (f *jsonJobs) begin() error {
	if f.begun {
		return nil
	}
	f.begun = true
	_, err := io.WriteString(f.out, "[")
	return err
}

func (f *jsonJobs) add(jobs []*models.Job) error {
	for _, j := range jobs {
		raw, err := encode(f.view(j))
		if err != nil {
			return err
		}
		lead := "\n"
		if f.any {
			lead = ",\n"
		}
		f.any = true
		if _, err := io.WriteString(f.out, lead+strings.TrimSpace(string(raw))); err != nil {
			return err
		}
	}
	return nil
}

func (f *jsonJobs) end() error {
	_, err := io.WriteString(f.out, "\n]\n")
	return err
}
