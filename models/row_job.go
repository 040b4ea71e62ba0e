package models

import (
	"encoding/json"
	"strings"

	"gorm.io/gorm"
)

// jobColumns are the columns of a job's row in the order of jobValues and scanJob.
const jobColumns = `id, target_id, shard, state, reason, origin, priority, body_form, content_type, body, body_apart,
	path, headers, labels, timeout, retry, schedule_id, rerun_of, key, scheduled_for, run_at, expires_at, attempts,
	last_number, lost_in_row, held, claim_id, claim_node, claimed_at, cancel_requested_at, created_at, updated_at,
	finished_at`

// smallBody is the size up to which a body rides in the job's row; a larger one lies in bodies, so that the rows that
// the dispatcher rewrites stay narrow.
const smallBody = 2048

// insertJob records a new job with its body and labels. A job that is there already is left as it is.
func (t *tx) insertJob(j *Job) error {
	body := j.Body
	if j.BodyApart = len(j.Body) > smallBody; j.BodyApart {
		body = nil
	}
	n, err := t.exec(`INSERT INTO jobs (`+jobColumns+`) VALUES
		(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO NOTHING`,
		j.ID, j.TargetID, j.Shard, j.State, j.Reason, j.Origin, j.Priority, j.BodyForm, j.ContentType, body, j.BodyApart,
		j.Path, jsonOrNil(len(j.Headers) > 0, t.vault.sealHeaders("jobs", j.ID, j.Headers)), jsonOrNil(len(j.Labels) > 0, j.Labels), int64(j.Timeout),
		jsonOrNil(j.Retry != nil, j.Retry), j.ScheduleID, j.RerunOf, j.Key, toMicro(j.ScheduledFor), toMicro(j.RunAt),
		toMicro(j.ExpiresAt), j.Attempts, j.LastNumber, j.LostInRow, j.Held, j.ClaimID, j.ClaimNode,
		toMicro(j.ClaimedAt), toMicro(j.CancelRequestedAt), toMicro(j.CreatedAt), toMicro(j.UpdatedAt),
		toMicro(j.FinishedAt))
	if err != nil || n == 0 {
		return err
	}
	t.ledger.moved(j.TargetID, nowhere, j.standing(), j.FinishedAt)
	if err := t.keepApart(j); err != nil {
		return err
	}
	return t.insertBeside(j)
}

// insertBeside records what does not lie in the job's row.
func (t *tx) insertBeside(j *Job) error {
	if j.BodyApart {
		if _, err := t.exec(`INSERT INTO bodies (job_id, body) VALUES (?, ?) ON CONFLICT (job_id) DO UPDATE SET body = excluded.body`,
			j.ID, j.Body); err != nil {
			return err
		}
	}
	for k, v := range j.Labels {
		if _, err := t.exec(`INSERT INTO labels (key, value, job_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, k, v, j.ID); err != nil {
			return err
		}
	}
	return nil
}

// jsonOrNil is v as a column, NULL unless there is something to keep.
func jsonOrNil(there bool, v any) any {
	if !there {
		return nil
	}
	// Only maps of strings, numbers and lists of numbers come here: they always encode.
	b, _ := json.Marshal(v)
	return string(b)
}

// scanJob reads a row of jobColumns.
func scanJob(scan func(...any) error) (*Job, error) {
	var j Job
	var headers, labels, retry []byte
	var scheduledFor, runAt, expires, claimed, cancel, created, updated, finished maybeMicro
	if err := scan(&j.ID, &j.TargetID, &j.Shard, &j.State, &j.Reason, &j.Origin, &j.Priority, &j.BodyForm, &j.ContentType,
		&j.Body, &j.BodyApart, &j.Path, &headers, &labels, (*int64)(&j.Timeout), &retry, &j.ScheduleID, &j.RerunOf, &j.Key,
		&scheduledFor, &runAt, &expires, &j.Attempts, &j.LastNumber, &j.LostInRow, &j.Held, &j.ClaimID, &j.ClaimNode,
		&claimed, &cancel, &created, &updated, &finished); err != nil {
		return nil, err
	}
	j.ScheduledFor, j.RunAt, j.ExpiresAt = scheduledFor.Time, runAt.Time, expires.Time
	j.ClaimedAt, j.CancelRequestedAt = claimed.Time, cancel.Time
	j.CreatedAt, j.UpdatedAt, j.FinishedAt = created.Time, updated.Time, finished.Time
	j.Headers, j.Labels = Headers{}, Labels{}
	if err := readJSON(headers, &j.Headers); err != nil {
		return nil, err
	}
	if err := readJSON(labels, &j.Labels); err != nil {
		return nil, err
	}
	return &j, readJSON(retry, &j.Retry)
}

func readJSON(column []byte, to any) error {
	if len(column) == 0 {
		return nil
	}
	return json.Unmarshal(column, to)
}

// jobsWhere reads whole jobs: rows, bodies, targets, schedules' names and last attempts.
func jobsWhere(db *gorm.DB, order, where string, args ...any) ([]*Job, error) {
	return jobsOf(db, jobColumns, order, where, args...)
}

// lightColumns are jobColumns that leave the body where it is.
var lightColumns = strings.Replace(jobColumns, " body, body_apart", " NULL, 0", 1)

// jobsOf reads jobs by jobColumns or lightColumns.
func jobsOf(db *gorm.DB, columns, order, where string, args ...any) ([]*Job, error) {
	rows, err := db.Raw(`SELECT `+columns+` FROM jobs WHERE `+where+` ORDER BY `+order, args...).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	vault := vaultOf(db)
	var jobs []*Job
	for rows.Next() {
		j, err := scanJob(rows.Scan)
		if err != nil {
			return nil, err
		}
		vault.openHeaders("jobs", j.ID, j.Headers)
		jobs = append(jobs, j)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return jobs, fillJobs(db, jobs)
}

// fillJobs adds what lies beside the rows.
func fillJobs(db *gorm.DB, jobs []*Job) error {
	if len(jobs) == 0 {
		return nil
	}
	targets, schedules := map[string]bool{}, map[string]bool{}
	var ids, apart []string
	for _, j := range jobs {
		targets[j.TargetID] = true
		if j.ScheduleID != "" {
			schedules[j.ScheduleID] = true
		}
		if j.LastNumber > 0 {
			ids = append(ids, j.ID)
		}
		if j.BodyApart {
			apart = append(apart, j.ID)
		}
	}
	of, err := targetsByID(db, keys(targets))
	if err != nil {
		return err
	}
	names, err := scheduleNames(db, keys(schedules))
	if err != nil {
		return err
	}
	last, err := lastAttempts(db, ids)
	if err != nil {
		return err
	}
	bodies, err := bodiesOf(db, apart)
	for _, j := range jobs {
		j.Of, j.Schedule, j.Last = of[j.TargetID], names[j.ScheduleID], last[j.ID]
		if j.BodyApart {
			j.Body = bodies[j.ID]
		}
		if j.Last != nil {
			j.Last.Target = j.Of.Name
		}
	}
	return err
}

func keys(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	return out
}

// scheduleNames gives the names of schedules by id, the deleted ones too.
func scheduleNames(db *gorm.DB, ids []string) (map[string]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []struct{ ID, Name string }
	err := db.Raw(`SELECT id, name FROM schedules WHERE id IN ?`, ids).Scan(&rows).Error
	names := make(map[string]string, len(rows))
	for _, r := range rows {
		names[r.ID] = r.Name
	}
	return names, err
}

func bodiesOf(db *gorm.DB, ids []string) (map[string][]byte, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []struct {
		JobID string
		Body  []byte
	}
	err := db.Raw(`SELECT job_id, body FROM bodies WHERE job_id IN ?`, ids).Scan(&rows).Error
	bodies := make(map[string][]byte, len(rows))
	for _, r := range rows {
		bodies[r.JobID] = r.Body
	}
	return bodies, err
}

// lastAttempts gives the last attempt on record of each job, without its bodies and headers.
func lastAttempts(db *gorm.DB, ids []string) (map[string]*Attempt, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []*Attempt
	err := db.Raw(`SELECT a.id, a.job_id, a.target_id, a.number, a.outcome, a.status_code, a.error_kind, a.error_message,
		a.retry_at, a.started_at, a.duration FROM jobs j JOIN attempts a ON a.job_id = j.id AND a.number = j.last_number
		AND a.job_id <> '' WHERE j.id IN ?`, ids).Scan(&rows).Error
	last := make(map[string]*Attempt, len(rows))
	for _, a := range rows {
		last[a.JobID] = a
	}
	return last, err
}
