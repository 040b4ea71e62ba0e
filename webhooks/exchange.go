package webhooks

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// drainLimit is how many bytes of a body are read beyond those kept. A body
// that ends within them leaves its connection usable.
const drainLimit = 16 << 10

// exchange is one request on its way: its clock, and who ended it.
type exchange struct {
	host    string          // as in the URL, with the port if it has one
	timeout time.Duration   // of the whole exchange
	ctx     context.Context // done at the timeout, with the caller's context, or by end
	end     context.CancelCauseFunc
	trace   trace
}

// startExchange starts the clock. The caller must call stop in the end, after
// which nothing of the answer can be read.
func startExchange(ctx context.Context, host string, timeout time.Duration, now time.Time) (x *exchange, stop func()) {
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	x = &exchange{host: host, timeout: timeout, trace: trace{start: now}}
	ctx, x.end = context.WithCancelCause(ctx)
	ctx, cancel := context.WithDeadlineCause(ctx, now.Add(timeout), errTimeout)
	x.ctx = ctx
	return x, func() { cancel(); x.end(nil) }
}

// do sends the request, once, and returns the answer as soon as its headers are in.
func (x *exchange) do(client *retryablehttp.Client, r *Request, h http.Header) (*http.Response, error) {
	ctx := context.WithValue(x.ctx, dialDeadline{}, x.trace.start.Add(x.timeout+dialGrace))
	ctx = httptrace.WithClientTrace(ctx, x.trace.hooks(x.stopResend))
	req, err := retryablehttp.NewRequestWithContext(ctx, r.Method, r.URL, rawBody(r.Body))
	if err != nil {
		return nil, err
	}
	req.Header = h
	resp, err := client.Do(req)
	if err == nil {
		moveHeader(resp.Header, hiddenLocation, "Location")
	}
	return resp, err
}

// rawBody is nil for an empty body: an empty reader would go out as a chunked
// body, where a POST without one should say Content-Length: 0.
func rawBody(body []byte) any {
	if len(body) == 0 {
		return nil
	}
	return body
}

// readBody reads what is kept of an answer's body. more says that this is not
// all of it; err is what went wrong before the limit was reached.
func readBody(resp *http.Response, limit int) (body []byte, more bool, err error) {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil, false, nil // what follows is another protocol's, and may never end
	}
	var b bytes.Buffer
	if n := resp.ContentLength; n > 0 {
		b.Grow(int(min(n, int64(limit))) + bytes.MinRead)
	}
	_, err = b.ReadFrom(io.LimitReader(resp.Body, int64(limit)+1))
	if b.Len() > limit {
		b.Truncate(limit)
		if left := resp.ContentLength - int64(limit); left <= drainLimit { // also when the length is not told
			io.CopyN(io.Discard, resp.Body, drainLimit)
		}
		return b.Bytes(), true, nil
	}
	return b.Bytes(), err != nil, err
}
