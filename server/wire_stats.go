package server

import (
	"time"

	"punctual/models"
)

// statsOut is how things stand and what happened lately.
type statsOut struct {
	Window  string  `json:"window" enum:"1h,24h,7d"`
	Target  *string `json:"target" doc:"null is all targets."`
	From    moment  `json:"from" doc:"When the series begins."`
	Until   moment  `json:"until" doc:"When the last step of the series will be over."`
	Backlog backlog `json:"backlog" doc:"Unfinished jobs, now."`
	Jobs    tally   `json:"jobs" doc:"Jobs that are kept, now, by state."`
	Happened
	Step   duration  `json:"step"`
	Series []stepOut `json:"series" doc:"Oldest first, without gaps; the last step is not over yet."`
}

type backlog struct {
	Due       int     `json:"due" doc:"Due now and not running."`
	DueExact  bool    `json:"due_exact" doc:"false: there are at least so many."`
	OldestDue *moment `json:"oldest_due" nullable:"true" doc:"Since when the oldest of them is due."`
	Running   int     `json:"running"`
	Scheduled int     `json:"scheduled" doc:"Due, later, between attempts or held."`
	Retrying  int     `json:"retrying" doc:"Of scheduled: attempts are on record."`
	Held      int     `json:"held" doc:"Of scheduled: in its schedule's line."`
}

type tally struct {
	Scheduled int `json:"scheduled"`
	Running   int `json:"running"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Canceled  int `json:"canceled"`
}

// Happened is what came of calls in a stretch of time.
type Happened struct {
	Calls    calls     `json:"calls" doc:"Attempts that ended then, by outcome; test calls do not count."`
	Ended    ended     `json:"ended" doc:"Jobs that ended then."`
	Latency  quantiles `json:"latency" doc:"How long calls took that were not cut off."`
	Lateness quantiles `json:"lateness" doc:"How long after they were due attempts began, waiting behind limits and pauses included."`
}

type calls struct {
	Total       int `json:"total"`
	Succeeded   int `json:"succeeded"`
	Retryable   int `json:"retryable"`
	Failed      int `json:"failed"`
	Canceled    int `json:"canceled"`
	Interrupted int `json:"interrupted"`
	Lost        int `json:"lost"`
}

type ended struct {
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Canceled  int `json:"canceled"`
}

// quantiles are read off histograms, and lie in the bucket of the truth; see models.Quantiles.
type quantiles struct {
	P50MS *float64 `json:"p50_ms" doc:"null when nothing was measured. Read off a histogram whose buckets end at 1, 2, 3, 5, 8, 13, 20, 30, 50, 80, 130, 200, 300, 500, 800 and 1300 ms, 2, 5, 15, 60 and 300 s: it lies in the bucket of the truth; 300000 is five minutes or more."`
	P95MS *float64 `json:"p95_ms"`
	P99MS *float64 `json:"p99_ms"`
}

type stepOut struct {
	At moment `json:"at" doc:"When it begins."`
	Happened
}

func statsView(w models.Window, target string, s *models.Stats) statsOut {
	out := statsOut{Window: w.Name, Target: optional(target), From: momentOf(s.From), Until: momentOf(s.Until),
		Backlog: backlog{Due: s.Due, DueExact: s.DueExact, OldestDue: optionalMoment(s.OldestDue), Running: s.Jobs.Running,
			Scheduled: s.Jobs.Scheduled, Retrying: s.Jobs.Retrying, Held: s.Jobs.Held},
		Jobs: tally{Scheduled: s.Jobs.Scheduled, Running: s.Jobs.Running, Succeeded: s.Jobs.Succeeded, Failed: s.Jobs.Failed,
			Canceled: s.Jobs.Canceled},
		Happened: happenedView(s.Total), Step: durationOf(s.Step), Series: make([]stepOut, len(s.Series))}
	for i, step := range s.Series {
		out.Series[i] = stepOut{momentOf(step.At), happenedView(step.Happened)}
	}
	return out
}

func happenedView(h models.Happened) Happened {
	c := h.Calls
	return Happened{Calls: calls{c.Total(), c.Succeeded, c.Retryable, c.Failed, c.Canceled, c.Interrupted, c.Lost},
		Ended: ended(h.Ended), Latency: quantilesView(h.Latency), Lateness: quantilesView(h.Lateness)}
}

func quantilesView(q models.Quantiles) quantiles {
	if !q.Known {
		return quantiles{}
	}
	rounded := func(d time.Duration) *float64 { return new(ms(d)) }
	return quantiles{rounded(q.P50), rounded(q.P95), rounded(q.P99)}
}
