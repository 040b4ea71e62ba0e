package server

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"

	"punctual/dispatcher"
	"punctual/models"
)

const eventsPath = "/v1/events"

type eventQuery struct {
	Target string `query:"target" doc:"Name of a target: only its jobs and attempts."`
	Job    string `query:"job" doc:"Id of a job: only it and its attempts."`
	LastID string `header:"Last-Event-ID" doc:"The last id seen: what came after it is sent first, if it is still known; else a reset."`
}

// streamEvents answers with a stream of server-sent events.
func (s *Server) streamEvents(ctx context.Context, in *eventQuery) (*huma.StreamResponse, error) {
	filter, err := s.eventFilter(ctx, in)
	if err != nil {
		return nil, err
	}
	closeStream, err := s.openStream(viewerOf(ctx))
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer closeStream()
		watcher := s.engine.Watch(lastSeen(in.LastID), filter)
		defer watcher.Close()
		c.SetHeader("Content-Type", "text/event-stream")
		c.SetHeader("X-Accel-Buffering", "no") // or a proxy would hold events back
		asked := humagin.Unwrap(c)
		unhurried(asked.Writer)
		out := &stream{w: asked.Writer, control: http.NewResponseController(asked.Writer)}
		s.pump(c.Context(), watcher, out, func() bool { return s.stillIn(asked, time.Now()) })
	}}, nil
}

// lastSeen reads the id of the last event that a client has seen, 0 if it has seen none. What is no id of ours is one
// that is not known any more: a browser that were refused would never ask again.
func lastSeen(id string) uint64 {
	if id == "" {
		return 0
	}
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil || n == 0 {
		return math.MaxUint64
	}
	return n
}

// eventFilter finds out whom the names in a query mean.
func (s *Server) eventFilter(ctx context.Context, in *eventQuery) (f dispatcher.Filter, err error) {
	f.Targets = viewerOf(ctx).targets
	if in.Target != "" {
		t, err := s.store.Target(ctx, in.Target)
		if errors.Is(err, models.ErrNotFound) {
			return f, invalidQuery("target", "is not a registered target")
		} else if err != nil {
			return f, err
		}
		f.TargetID = t.ID
	}
	if in.Job != "" {
		if !models.IsJobID(in.Job) {
			return f, invalidQuery("job", "must be the id of a job")
		}
		f.JobID = in.Job
	}
	return f, nil
}

// pump writes events until the client goes, the server stops, the key or session ends that opened the stream, or the
// watcher was too slow. In the last case the client comes back with the last id it has seen.
func (s *Server) pump(ctx context.Context, watcher *dispatcher.Watcher, out *stream, stillIn func() bool) {
	beat, look := time.NewTicker(s.beat), time.NewTicker(keyFresh)
	defer beat.Stop()
	defer look.Stop()
	out.text("retry: 2000\n\n")
	if watcher.Reset {
		out.text("event: reset\ndata: {}\n\n")
	}
	for out.flush() {
		select {
		case e, isOpen := <-watcher.Events():
			if !isOpen {
				return
			}
			s.writeEvents(out, e, watcher.Events())
		case <-beat.C:
			out.text(": still here\n\n")
		case <-look.C:
			if !stillIn() {
				return
			}
		case <-ctx.Done():
			return
		case <-s.closing:
			return
		}
	}
}

// writeEvents writes e and what is there beside it, so that a burst needs one flush.
func (s *Server) writeEvents(out *stream, e dispatcher.Event, more <-chan dispatcher.Event) {
	for isOpen := true; isOpen && e.Kind != ""; {
		s.writeEvent(out, e)
		select {
		case e, isOpen = <-more:
		default:
			return
		}
	}
}

func (s *Server) writeEvent(out *stream, e dispatcher.Event) {
	var view any
	switch {
	case e.Job != nil:
		job := *e.Job
		job.BodyForm = models.BodyNone // events carry no bodies
		view = s.viewJob(&job)
	case e.Attempt != nil:
		view = attemptView(e.Attempt)
	}
	data, err := encode(view)
	if err != nil {
		s.log.Error("event not written", "kind", e.Kind, "error", err)
		return
	}
	out.text("id: " + strconv.FormatUint(e.ID, 10) + "\nevent: " + e.Kind + "\ndata: ")
	out.text(string(data))
	out.text("\n\n")
}

// stream is a connection that may turn out to be dead or slow.
type stream struct {
	w       io.Writer
	control *http.ResponseController
	err     error
}

// streamPatience is how long a client may take to read what was written.
const streamPatience = 10 * time.Second

func (s *stream) text(t string) {
	if s.err == nil {
		_ = s.control.SetWriteDeadline(time.Now().Add(streamPatience)) // where there are deadlines
		_, s.err = io.WriteString(s.w, t)
	}
}

// flush sends what was written and tells whether the client is still there.
func (s *stream) flush() bool {
	if s.err == nil {
		s.err = s.control.Flush()
	}
	return s.err == nil
}
