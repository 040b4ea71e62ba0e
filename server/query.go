package server

import (
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
)

// plainQuery refuses what a query leaves to guesses: a parameter without a value, which huma takes for one that was not
// given, and one that is given twice, of which huma takes the first. It is a middleware of every operation.
func plainQuery(c huma.Context, next func(huma.Context)) {
	at := c.URL()
	if at.RawQuery == "" {
		next(c)
		return
	}
	query, err := url.ParseQuery(at.RawQuery)
	if err != nil {
		refuse(humagin.Unwrap(c), newProblem(http.StatusBadRequest, detailMalformed, fault{"query", "must be well formed"}))
		return
	}
	var faults []fault
	for _, p := range c.Operation().Parameters {
		values := query[p.Name]
		switch {
		case p.In != "query":
		case slices.Contains(values, ""):
			faults = append(faults, fault{"query." + p.Name, "must have a value; leave it out for none"})
		case len(values) > 1 && p.Schema.Type != huma.TypeArray:
			faults = append(faults, fault{"query." + p.Name, "must be given once"})
		}
	}
	if len(faults) > 0 {
		refuse(humagin.Unwrap(c), newProblem(http.StatusUnprocessableEntity, detailInvalid, faults...))
		return
	}
	next(c)
}

// noQuery refuses every parameter, on paths that huma does not know.
func noQuery(c *gin.Context) {
	query, err := url.ParseQuery(c.Request.URL.RawQuery)
	switch {
	case err != nil:
		refuse(c, newProblem(http.StatusBadRequest, detailMalformed, fault{"query", "must be well formed"}))
	case len(query) > 0:
		var faults []fault
		for _, name := range slices.Sorted(maps.Keys(query)) {
			faults = append(faults, fault{"query." + join("", name), unknownQuery})
		}
		refuse(c, newProblem(http.StatusUnprocessableEntity, detailInvalid, faults...))
	}
}

// inQuery is an Invalid or Invalids of a query's parameters as a problem; any other error stays as it is.
func inQuery(err error) error {
	var bad faults
	if !bad.append(err) {
		return err
	}
	faults := make([]fault, len(bad.all))
	for i, one := range bad.all {
		faults[i] = fault{"query." + one.Field, one.Why}
	}
	return newProblem(http.StatusUnprocessableEntity, detailInvalid, faults...)
}
