package server

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"
)

// about is what the OpenAPI document says of an operation beside its shapes.
type about struct {
	tag     string
	summary string
	more    string // a description, "" for none
	status  []int  // of success; none: 200
	example string // of the request's body, JSON; "" for none
	bare    bool   // the body may be left out
	slow    bool   // the answer may take longer than others
}

// apiConfig is the frame of the OpenAPI document.
func apiConfig(cfg Config) huma.Config {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: "Punctual", Version: cfg.Version,
			Description: "Calls HTTP endpoints now, later or on a schedule, at least once and on the record. " + conventions},
		Tags: []*huma.Tag{
			{Name: "Targets", Description: "HTTP endpoints, each with its secret, limits and retry policy."},
			{Name: "Jobs", Description: "Calls owed to targets."},
			{Name: "Schedules", Description: "Cron lines and intervals that keep making jobs."},
			{Name: "Attempts", Description: "Requests made for jobs, and what came of them."},
			{Name: "Access", Description: "Keys, and who did what with them."},
			{Name: "Server", Description: "How the server is, and what happens in it."},
		},
		Components: &huma.Components{Schemas: huma.NewMapRegistry("#/components/schemas/", schemaName)},
	}
	if !cfg.Dev {
		doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer"}}
		doc.Security = []map[string][]string{{"key": {}}}
	}
	return huma.Config{OpenAPI: doc, DefaultFormat: "application/json", RejectUnknownQueryParameters: true,
		Formats: map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat}}
}

const conventions = "Bodies are read as JSON whatever their content type. Times are RFC 3339 in UTC with milliseconds. " +
	"Unknown fields and query parameters are refused with 422. null is the same as leaving a field out, except in " +
	"`payload`. A 2xx answer to a write means that it is committed durably. Errors are problems as in RFC 9457."

// schemaName drops what only tells Go types apart: JobOut is Job, JobIn is JobInput.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if in, isIn := strings.CutSuffix(name, "In"); isIn {
		return in + "Input"
	}
	return strings.TrimSuffix(name, "Out")
}

// bodyTimeout is how long a body may take to arrive.
const bodyTimeout = 30 * time.Second

// route registers a handler under a pattern like "GET /v1/jobs/{id}". Its errors become problems.
func route[I, O any](s *Server, api huma.API, pattern, id string, handle func(context.Context, *I) (*O, error)) {
	method, path, _ := strings.Cut(pattern, " ")
	said, isSaid := endpoints[id]
	if !isSaid {
		panic("openapi: nothing is said about " + id)
	}
	op := huma.Operation{OperationID: id, Method: method, Path: path, Tags: []string{said.tag}, Summary: said.summary,
		Description: said.more, SkipValidateBody: true, MaxBodyBytes: -1, BodyReadTimeout: bodyTimeout,
		Middlewares: huma.Middlewares{plainQuery}, RequestBody: &huma.RequestBody{}, Responses: map[string]*huma.Response{"default": problemResponse(api)}}
	if len(said.status) > 0 {
		op.DefaultStatus = said.status[0]
	}
	if needs[method+" "+path].scope == "" && !strings.Contains(path, "{") {
		op.Security = []map[string][]string{}
	}
	if said.slow {
		op.Middlewares = append(op.Middlewares, func(c huma.Context, next func(huma.Context)) {
			unhurried(humagin.Unwrap(c).Writer)
			next(c)
		})
	}
	request, responses := op.RequestBody, op.Responses
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.fail(ctx, err)
		}
		return out, nil
	})
	said.complete(api.OpenAPI().Paths[path], method, request, responses)
}

// complete adds to an operation what huma does not know of.
func (a about) complete(item *huma.PathItem, method string, request *huma.RequestBody, responses map[string]*huma.Response) {
	media := request.Content["application/json"]
	if media == nil { // it takes no body
		for _, op := range []*huma.Operation{item.Get, item.Delete} {
			if op != nil && op.Method == method {
				op.RequestBody = nil
			}
		}
	} else {
		request.Required = !a.bare
		if a.example != "" {
			media.Example = rawJSON(a.example)
		}
	}
	for _, status := range a.status[min(1, len(a.status)):] {
		first := *responses[strconv.Itoa(a.status[0])]
		first.Description = http.StatusText(status)
		responses[strconv.Itoa(status)] = &first
	}
}

// rawJSON is an example as it stands in the document.
type rawJSON string

// MarshalJSON gives the text.
func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func problemResponse(api huma.API) *huma.Response {
	schema := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problem](), true, "")
	return &huma.Response{Description: "A problem.",
		Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema}}}
}

// serveDocument answers with the OpenAPI document, which is made once. Making it here, at the start, also shows
// that it can be made.
func serveDocument(api huma.API) gin.HandlerFunc {
	doc, err := encode(api.OpenAPI())
	if err != nil {
		panic("openapi: " + err.Error())
	}
	return func(c *gin.Context) { c.Data(http.StatusOK, "application/json", doc) }
}

// docsPolicy lets Swagger UI work: its page holds a script and styles, and all it loads comes from here.
const docsPolicy = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"

func serveDocs() gin.HandlerFunc {
	ui := v5emb.NewHandlerWithConfig(swgui.Config{Title: "Punctual API", SwaggerJSON: "/openapi.json", BasePath: "/docs",
		SettingsUI: map[string]string{"validatorUrl": "null"}}) // or it would show the document to a stranger
	return func(c *gin.Context) {
		c.Header("Content-Security-Policy", docsPolicy)
		ui.ServeHTTP(c.Writer, c.Request)
	}
}
