package server

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"punctual/models"
)

type exportQuery struct {
	Format string `query:"format" enum:"csv,json" default:"csv" doc:"csv, or json: an object as GET /v1/jobs has it on each line."`
	JobFilterQuery
}

// exportJobs writes all jobs of a filter as they are read, a page at a time: its memory does not grow with them.
func (s *Server) exportJobs(_ context.Context, in *exportQuery) (*huma.StreamResponse, error) {
	filter, err := in.filter()
	if err != nil {
		return nil, inQuery(err)
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		w := humagin.Unwrap(c).Writer
		unhurried(w)
		c.SetHeader("Content-Type", exportTypes[in.Format])
		c.SetHeader("Content-Disposition", `attachment; filename="jobs.`+exportNames[in.Format]+`"`)
		c.SetStatus(http.StatusOK)
		if err := s.export(c.Context(), w, in.Format, filter); err != nil {
			s.log.Error("export jobs", "error", err)
			panic(http.ErrAbortHandler) // a list that is cut short must not look whole
		}
	}}, nil
}

var (
	exportTypes = map[string]string{"csv": "text/csv; charset=utf-8", "json": "application/x-ndjson"}
	exportNames = map[string]string{"csv": "csv", "json": "ndjson"}
)

// jobWriter writes one job of an export.
type jobWriter func(*models.Job) error

func (s *Server) export(ctx context.Context, w http.ResponseWriter, format string, f models.JobFilter) error {
	read, flush, write := s.store.JobsWithoutBodies, func() {}, jobWriter(nil)
	if format == "csv" {
		out := csv.NewWriter(w)
		if err := out.Write(exportColumns); err != nil {
			return err
		}
		write, flush = func(j *models.Job) error { return out.Write(exportRow(j)) }, out.Flush
	} else {
		read, write = s.store.Jobs, s.jsonLines(w)
	}
	control := http.NewResponseController(w)
	for page := (models.Page{Limit: models.MaxPage}); ; {
		jobs, next, err := read(ctx, f, page)
		if err != nil {
			return err
		}
		// All of it may take as long as it takes, but not a client that reads none of it.
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout)) // where there are deadlines
		for _, j := range jobs {
			if err := write(j); err != nil {
				return err
			}
		}
		flush()
		// A writer that cannot flush, as in tests, keeps what it has.
		_ = control.Flush()
		if page.Cursor = next; next == "" {
			return nil
		}
	}
}

func (s *Server) jsonLines(w io.Writer) jobWriter {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	return func(j *models.Job) error { return lines.Encode(s.viewJob(j)) }
}

// exportColumns are what a row of the CSV says of a job: all but its body and headers.
var exportColumns = []string{"id", "target", "state", "reason", "origin", "priority", "schedule", "labels", "scheduled_for", "run_at",
	"attempts", "max_attempts", "last_outcome", "last_status_code", "last_error", "created_at", "finished_at"}

func exportRow(j *models.Job) []string {
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(j.Labels)) {
		labels = append(labels, key+"="+j.Labels[key])
	}
	row := []string{j.ID, j.Of.Name, string(j.State), j.Reason, string(j.Origin), j.Priority.String(), j.Schedule,
		strings.Join(labels, " "), string(momentOf(j.ScheduledFor)), string(momentOf(j.RunAt)), strconv.Itoa(j.Attempts),
		strconv.Itoa(j.Policy().MaxAttempts), "", "", "", string(momentOf(j.CreatedAt)), ""}
	if a := j.Last; a != nil {
		row[12] = string(a.Outcome)
		row[14] = a.ErrorMessage
		if a.StatusCode > 0 {
			row[13] = strconv.Itoa(a.StatusCode)
		}
	}
	if !j.FinishedAt.IsZero() {
		row[16] = string(momentOf(j.FinishedAt))
	}
	for i := range row {
		row[i] = tame(row[i])
	}
	return row
}

// tame keeps a spreadsheet from taking a stranger's text for a formula.
func tame(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
