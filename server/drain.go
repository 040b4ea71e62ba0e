package server

import (
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// How much of a body that is too large is read and dropped, and for how long.
const (
	drainBytes = 64 << 20
	drainTime  = 5 * time.Second
)

// drain lets a client that was answered 413 finish sending what is left of its body, within bounds: a connection that is
// closed under a client that still sends is reset, and the answer is lost with it.
func drain(c *gin.Context, rest io.Reader) {
	if c.Writer.Status() != http.StatusRequestEntityTooLarge || c.Request.Header.Get("Expect") != "" {
		return // whoever asked first does not send
	}
	c.Writer.Flush()
	// A writer that knows no deadlines, as in tests, reads from memory.
	_ = http.NewResponseController(c.Writer).SetReadDeadline(time.Now().Add(drainTime))
	// What cannot be read is lost on nobody.
	_, _ = io.CopyN(io.Discard, rest, drainBytes)
}
