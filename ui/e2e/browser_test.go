package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience bounds everything that a test waits for.
const patience = 30 * time.Second

// browser is a tab of Chromium. What its console complains of, and each request to another host, fails the test.
type browser struct {
	t   *testing.T
	ctx context.Context
	h   *house

	mu       sync.Mutex // protects the field below: events come on a goroutine of chromedp
	troubles []string
}

// chromium finds the browser, or ends the test: loudly, and in CI as a failure.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no Chromium is installed, and in CI the pages must be looked at")
	}
	t.Skip("NOT TESTED: no Chromium is installed, so nobody has looked at the pages")
	return ""
}

// rebound is a name of somebody else's that leads to this machine.
const rebound = "rebound.test"

// browse opens a tab.
func browse(t *testing.T, h *house) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP "+rebound+" 127.0.0.1"),
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1280, 900))
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stopTab := chromedp.NewContext(allocator)
	b := &browser{t: t, ctx: ctx, h: h}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil { // waits until the browser has ended
			t.Error(err)
		}
		stopTab()
		stopAllocator()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, trouble := range b.troubles {
			t.Error(trouble)
		}
	})
	if err := chromedp.Listen(ctx, b.heard); err != nil { // starts the browser, which lives as long as ctx
		t.Fatal(err)
	}
	b.command(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, network.Enable, network.EnableParams{})
		return err
	})
	return b
}

// heard takes down what should not happen.
func (b *browser) heard(event any) {
	trouble := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			trouble = fmt.Sprintf("console: %s (%s)", e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventConsoleAPICalled:
		trouble = fmt.Sprintf("a script called console.%s", e.Type)
	case *runtime.EventExceptionThrown:
		trouble = "exception: " + e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			trouble += " " + e.ExceptionDetails.Exception.Description
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err == nil && u.Scheme != "data" &&
			!strings.HasPrefix(e.Request.URL, b.h.url+"/") {
			trouble = "request to another host: " + e.Request.URL
		}
	}
	if trouble != "" {
		b.mu.Lock()
		b.troubles = append(b.troubles, trouble)
		b.mu.Unlock()
	}
}

// forgive forgets the troubles so far that hold text: those that a test has brought about itself.
func (b *browser) forgive(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := b.troubles[:0]
	for _, trouble := range b.troubles {
		if !strings.Contains(trouble, text) {
			kept = append(kept, trouble)
		}
	}
	b.troubles = kept
}

// within runs one action of a tab and gives what it gives.
func within[T any](b *browser, action chromedp.Action[T]) (T, error) {
	ctx, stop := context.WithTimeout(b.ctx, patience)
	defer stop()
	return chromedp.Run(ctx, action)
}

// must is within for what has to work.
func must[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	v, err := within(b, action)
	if err != nil {
		text, _ := within(b, chromedp.Evaluate[string](`document.body.innerText`)) // for the message only
		b.t.Fatalf("%v\n%s", err, text)
	}
	return v
}

// command sends commands of the protocol.
func (b *browser) command(send func(ctx context.Context, tab *chromedp.Target) error) {
	b.t.Helper()
	must(b, chromedp.Func(send))
}

// ask evaluates an expression of JavaScript in the page.
func ask[T any](b *browser, expression string) T {
	b.t.Helper()
	return must(b, chromedp.Evaluate[T](expression))
}

// visit goes to a page.
func (b *browser) visit(path string) {
	b.t.Helper()
	must(b, chromedp.Navigate(b.h.url+path))
}

// holds waits until an expression of JavaScript is true, across whatever pages come and go meanwhile.
func (b *browser) holds(expression string) {
	b.t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	var last error
	for began := time.Now(); time.Since(began) < patience; <-look.C {
		var yes bool
		if yes, last = within(b, chromedp.Evaluate[bool](expression)); yes {
			return
		}
	}
	b.t.Fatalf("it never came true that %s (%v)\n%s", expression, last, ask[string](b, `document.body.innerText`))
}

// see waits until the page says text.
func (b *browser) see(text string) {
	b.t.Helper()
	b.holds(fmt.Sprintf(`document.body.innerText.includes(%q)`, text))
}

// press clicks the button or link that says text, once it is there.
func (b *browser) press(text string) {
	b.t.Helper()
	b.holds(fmt.Sprintf(`(() => {
		const all = [...document.querySelectorAll("main a, button, summary")];
		const it = all.find((el) => el.checkVisibility() && el.textContent.trim() === %q);
		it?.click();
		return it !== undefined;
	})()`, text))
}

// fill writes a value into the control with this id, by its keys.
func (b *browser) fill(id, value string) {
	b.t.Helper()
	b.holds(fmt.Sprintf(`(() => {
		const it = document.getElementById(%q);
		it?.focus();
		it?.select();
		return it !== null;
	})()`, id))
	if value == "" {
		value = kb.Delete
	}
	must(b, chromedp.KeyEvent(value))
}

// keys presses keys, wherever the focus is.
func (b *browser) keys(keys string) {
	b.t.Helper()
	must(b, chromedp.KeyEvent(keys))
}

// shoot keeps a picture of the window.
func (b *browser) shoot(name string) {
	b.t.Helper()
	picture := must(b, chromedp.CaptureScreenshot())
	if err := os.MkdirAll("shots", 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("shots", name+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// screen sets the size of the window, and what the system's theme is.
func (b *browser) screen(width, height int64, theme string) {
	b.t.Helper()
	must(b, chromedp.EmulateViewport(width, height))
	b.command(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
		return err
	})
}

// scriptless switches the page's own scripts off.
func (b *browser) scriptless() {
	b.t.Helper()
	b.command(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled,
			emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
}
