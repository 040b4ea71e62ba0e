package server

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"punctual/models"
	"punctual/ui"
)

func (s *Server) keysPage(c *gin.Context) (*ui.Keys, error) {
	page := &ui.Keys{Frame: s.frame(c, "Keys", ui.TabSystem), Older: c.Query("cursor") != "",
		Form: ui.Form{Values: url.Values{"scope": {string(models.ScopeWrite)}}}}
	var err error
	page.Keys, page.Next, err = s.store.Keys(c.Request.Context(), pageAt(c, listShown))
	return page, err
}

func (s *Server) showKeys(c *gin.Context) (reply, error) {
	page, err := s.keysPage(c)
	return reply{page: page}, err
}

// makeKey answers with the page that shows the key, this once: a redirect would have to carry it along.
func (s *Server) makeKey(c *gin.Context) (reply, error) {
	d := newFormDoc(c.Request.PostForm)
	d.texts("name", "scope", "expires_in", "rate_limit")
	if targets := strings.Fields(strings.ReplaceAll(c.PostForm("targets"), ",", " ")); len(targets) > 0 {
		d.set("targets", targets)
	}
	in, err := readDocument[keyIn](d)
	var text string
	if err == nil {
		_, text, err = s.createKey(c.Request.Context(), &in)
	}
	page, lost := s.keysPage(c)
	if lost != nil {
		return reply{}, lost
	}
	if err == nil {
		page.Made = text
		return reply{page: page}, nil
	}
	if page.Form.Values = c.Request.PostForm; !blame(&page.Form, err) {
		return reply{}, err
	}
	return reply{page: page, status: http.StatusUnprocessableEntity}, nil
}

func (s *Server) endKey(c *gin.Context) (reply, error) {
	err := s.revokeKey(c.Request.Context(), named(c))
	return afterAction("/keys", "The key is revoked.", err)
}

func (s *Server) showAudit(c *gin.Context) (reply, error) {
	page := &ui.Audit{Frame: s.frame(c, "Audit", ui.TabSystem), Older: c.Query("cursor") != "",
		Filter: filterForm(c, "who", "action", "kind", "name")}
	v := page.Filter.Values
	var err error
	page.Lines, page.Next, err = s.store.Audits(c.Request.Context(), models.AuditFilter{Who: v.Get("who"),
		Action: v.Get("action"), Kind: v.Get("kind"), Name: v.Get("name")}, pageAt(c, listShown))
	if blame(&page.Filter, err) {
		return reply{page: page, status: http.StatusUnprocessableEntity}, nil
	}
	return reply{page: page}, err
}
