package server

import (
	"context"

	"punctual/models"
)

type auditQuery struct {
	Paging
	Who    string `query:"who" doc:"Name of the key."`
	Action string `query:"action" example:"update"`
	Kind   string `query:"kind" enum:"target,schedule,job,operation,key,session"`
	Name   string `query:"name" doc:"Name or id of what it was done to."`
	After  moment `query:"after" doc:"At or after it."`
	Before moment `query:"before" doc:"Before it."`
}

func (s *Server) listAudit(ctx context.Context, in *auditQuery) (*ok[page[auditOut]], error) {
	rows, next, err := s.store.Audits(ctx, models.AuditFilter{Who: in.Who, Action: in.Action, Kind: in.Kind, Name: in.Name,
		After: in.After.value(), Before: in.Before.value()}, in.page())
	if err != nil {
		return nil, err
	}
	return pageOf(rows, next, auditView), nil
}

func auditView(a *models.Audit) auditOut {
	return auditOut{ID: a.ID, At: momentOf(a.At), Who: a.Who, Remote: a.Remote, Action: a.Action, Kind: a.Kind, Name: a.Name,
		Before: details(a.Before), After: details(a.After)}
}
