package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// process is a program that runs beside the test.
type process struct {
	cmd    *exec.Cmd
	out    *transcript
	exited chan struct{} // closed when it has ended; code may be read then
	code   int           // -1 when a signal ended it
}

// start runs a program in dir. It is killed with the test, if it still runs then.
func start(t *testing.T, dir string, env []string, name string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(name, args...), out: newTranscript(), exited: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = dir, append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		// How it ended is told by code; an error in copying the output shows in what is missing there.
		_ = p.cmd.Wait()
		p.code = p.cmd.ProcessState.ExitCode()
		close(p.exited)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill is kill -9, and waits for the end.
func (p *process) kill() {
	// It fails only if the process has ended.
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// stop asks the process to end and tells how it did.
func (p *process) stop(sig os.Signal) (code int, err error) {
	if err := p.cmd.Process.Signal(sig); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case <-p.exited:
		return p.code, nil
	case <-ctx.Done():
		return 0, errors.New("it does not stop")
	}
}

var greeting = regexp.MustCompile(`(?m)^  pages +(http://\S+)/$`)

// url waits until a server has said where it is.
func (p *process) url() (string, error) {
	if err := p.out.await(p.exited, func(text string) bool { return greeting.MatchString(text) }); err != nil {
		return "", err
	}
	return greeting.FindStringSubmatch(p.out.String())[1], nil
}

// transcript is what a process has printed so far.
type transcript struct {
	mu      sync.Mutex // protects the fields below
	text    strings.Builder
	changed chan struct{} // closed, and replaced, when there is more
}

func newTranscript() *transcript { return &transcript{changed: make(chan struct{})} }

var _ io.Writer = (*transcript)(nil)

// Write adds to the text.
func (tr *transcript) Write(b []byte) (int, error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	close(tr.changed)
	tr.changed = make(chan struct{})
	return tr.text.Write(b)
}

// String is the text so far.
func (tr *transcript) String() string {
	text, _ := tr.read()
	return text
}

func (tr *transcript) read() (text string, changed <-chan struct{}) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.text.String(), tr.changed
}

// await waits until the text is enough, and gives up when the process has ended without that, or after patience.
func (tr *transcript) await(exited <-chan struct{}, enough func(text string) bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		text, changed := tr.read()
		if enough(text) {
			return nil
		}
		select {
		case <-changed:
		case <-exited:
			if enough(tr.String()) {
				return nil
			}
			return errors.New("it ended early, having printed:\n" + tr.String())
		case <-ctx.Done():
			return errors.New("waited in vain; so far it has printed:\n" + text)
		}
	}
}
