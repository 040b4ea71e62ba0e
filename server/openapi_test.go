package server

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// The document is valid, examples included, and says something of each operation and of none that is not there.
func TestDocument(t *testing.T) {
	h := open(t)
	doc, err := openapi3.NewLoader().LoadFromData(h.raw("GET", "/openapi.json", nil).Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Error(err)
	}
	served := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			served[op.OperationID] = true
			if op.Summary == "" || len(op.Tags) != 1 || op.Responses.Default() == nil {
				t.Errorf("%s %s: too little is said", method, path)
			}
			if said := endpoints[op.OperationID]; op.RequestBody != nil && op.RequestBody.Value.Required == said.bare {
				t.Errorf("%s %s: required body %v", method, path, op.RequestBody.Value.Required)
			}
		}
	}
	for id := range endpoints {
		if !served[id] {
			t.Errorf("%s is not served", id)
		}
	}
	if doc.OpenAPI != "3.1.0" || len(doc.Security) != 0 {
		t.Errorf("version %s, security %v", doc.OpenAPI, doc.Security)
	}
}

func TestDocumentOfServe(t *testing.T) {
	h := open(t, func(c *Config) { c.Dev, c.AdminKey = false, "k" })
	doc, err := openapi3.NewLoader().LoadFromData(h.raw("GET", "/openapi.json", nil).Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if len(doc.Security) != 1 || doc.Components.SecuritySchemes["key"] == nil {
		t.Error("it does not say that a key is needed")
	}
	if open := doc.Paths.Value("/healthz").Get.Security; open == nil || len(*open) != 0 {
		t.Error("it says that /healthz needs a key")
	}
}
