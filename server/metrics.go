package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"punctual/dispatcher"
)

// metrics is what /metrics shows.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
}

func newMetrics(engine Engine) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "punctual_http_requests_total",
			Help: "Requests answered, by method, route and status."}, []string{"method", "route", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "punctual_http_request_duration_seconds",
			Help:    "Time from a request to the end of its answer, by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}, []string{"route"}),
	}
	m.registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), m.requests, m.latency, engineMetrics{engine})
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// request counts one answer. What leads nowhere is one route: its paths are the client's.
func (m *metrics) request(method, route string, status int, took time.Duration) {
	if route == "" {
		route, method = "none", "any"
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.latency.WithLabelValues(route).Observe(took.Seconds())
}

// engineMetrics reads the dispatcher at each scrape, so that the dispatcher need not know of metrics.
type engineMetrics struct{ engine Engine }

// reading is one number of a snapshot.
type reading struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(dispatcher.Snapshot) float64
}

func gauge(name, help string, of func(dispatcher.Snapshot) float64) reading {
	return reading{prometheus.NewDesc("punctual_"+name, help, nil, nil), prometheus.GaugeValue, of}
}

func counter(name, help string, of func(dispatcher.Counts) uint64) reading {
	return reading{prometheus.NewDesc("punctual_"+name+"_total", help, nil, nil), prometheus.CounterValue,
		func(s dispatcher.Snapshot) float64 { return float64(of(s.Counts)) }}
}

var readings = []reading{
	gauge("calls_in_flight", "Calls that are out.", func(s dispatcher.Snapshot) float64 { return float64(s.InFlight) }),
	gauge("call_slots", "Calls that may be out at once.", func(s dispatcher.Snapshot) float64 { return float64(s.Slots) }),
	gauge("calls_queued", "Calls in the due queue; the rest of what is owed is in the database.",
		func(s dispatcher.Snapshot) float64 { return float64(s.Queued) }),
	gauge("schedules_queued", "Schedules in the due queue.",
		func(s dispatcher.Snapshot) float64 { return float64(s.Turns) }),
	gauge("event_watchers", "Streams of events that are open.",
		func(s dispatcher.Snapshot) float64 { return float64(s.Watchers) }),
	gauge("start_time_seconds", "When the dispatcher was made, in seconds since 1970.",
		func(s dispatcher.Snapshot) float64 { return float64(s.StartedAt.Unix()) }),
	counter("claims", "Claims granted.", func(c dispatcher.Counts) uint64 { return c.Claimed }),
	counter("claims_refused", "Claims refused, because what the queue knew was old.",
		func(c dispatcher.Counts) uint64 { return c.Refused }),
	counter("claims_orphaned", "Claims that nobody had in hand and were given back. More than 0 is a bug, unless the database broke off within a commit.",
		func(c dispatcher.Counts) uint64 { return c.Orphans }),
	counter("attempts", "Attempts recorded.", func(c dispatcher.Counts) uint64 { return c.Finished }),
	counter("attempts_lost", "Calls that were out when an earlier process ended.",
		func(c dispatcher.Counts) uint64 { return c.Lost }),
	counter("schedule_turns", "Times that a schedule was brought up to date.",
		func(c dispatcher.Counts) uint64 { return c.Turns }),
	counter("schedules_mended", "Schedules that had fallen out of the queue. More than 0 is a bug.",
		func(c dispatcher.Counts) uint64 { return c.Mended }),
	counter("jobs_expired", "Jobs that failed because they expired while they waited.",
		func(c dispatcher.Counts) uint64 { return c.Expired }),
	counter("rows_pruned", "Rows dropped when their retention was over.",
		func(c dispatcher.Counts) uint64 { return c.Pruned }),
}

// Describe lists the metrics.
func (m engineMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, r := range readings {
		out <- r.desc
	}
}

// Collect takes one snapshot and reads everything off it.
func (m engineMetrics) Collect(out chan<- prometheus.Metric) {
	now := m.engine.Snapshot()
	for _, r := range readings {
		out <- prometheus.MustNewConstMetric(r.desc, r.kind, r.of(now))
	}
}
