package server

import (
	"context"
	"time"

	"punctual/models"
)

type upcomingQuery struct {
	Within duration `query:"within" doc:"How far to look ahead: 1h by default, at most 366d. At most one of within and until."`
	Until  moment   `query:"until" doc:"Up to when to look ahead."`
	Target string   `query:"target" doc:"Name of the target; all by default."`
	Limit  int      `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Runs at most."`
}

// upcomingOut is what is coming over all schedules.
type upcomingOut struct {
	Items     []upcomingRun `json:"items" doc:"In the order in which they come due."`
	Until     moment        `json:"until"`
	Truncated bool          `json:"truncated" doc:"true: there are more before until than were asked for."`
}

type upcomingRun struct {
	At       moment `json:"at" doc:"Nominal time."`
	DueAt    moment `json:"due_at" doc:"With jitter."`
	Local    string `json:"local" doc:"The nominal time by the clocks of the schedule's zone."`
	Schedule string `json:"schedule"`
	Target   string `json:"target"`
	Note     string `json:"note" doc:"What a rule about daylight saving did."`
}

const maxAhead = 366 * 24 * time.Hour

func (s *Server) getUpcoming(ctx context.Context, in *upcomingQuery) (*ok[upcomingOut], error) {
	now := s.store.Now()
	ahead := time.Hour
	if in.Within != "" {
		if why := in.Within.check(); why != "" {
			return nil, invalidQuery("within", why)
		}
		ahead = in.Within.orZero()
	}
	until := now.Add(ahead)
	if in.Until != "" {
		if why := in.Until.check(); why != "" {
			return nil, invalidQuery("until", why)
		}
		until = in.Until.value()
	}
	switch {
	case in.Until != "" && in.Within != "":
		return nil, invalidQuery("until", "must not go together with within")
	case until.Sub(now) > maxAhead:
		return nil, invalidQuery("within", "must be at most 366d ahead")
	}
	runs, more, err := s.store.Upcoming(ctx, now, until, in.Target, in.Limit)
	if err != nil {
		return nil, err
	}
	out := upcomingOut{Items: make([]upcomingRun, len(runs)), Until: momentOf(until), Truncated: more}
	for i, r := range runs {
		out.Items[i] = upcomingRunView(r)
	}
	return &ok[upcomingOut]{out}, nil
}

func upcomingRunView(r models.ComingRun) upcomingRun {
	out := upcomingRun{At: momentOf(r.At), DueAt: momentOf(r.DueAt), Local: r.At.Format(time.RFC3339), Schedule: r.Schedule.Name,
		Target: r.Schedule.Target, Note: r.Note}
	if zone, err := time.LoadLocation(r.Schedule.Timezone); err == nil {
		out.Local = r.At.In(zone).Format(time.RFC3339)
	}
	return out
}
