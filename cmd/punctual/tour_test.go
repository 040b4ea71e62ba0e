package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The tour of the README is run as printed. What the runner understands:
//
//   - The tour is what stands under "## Five-minute tour", up to the next heading of that rank.
//   - Each ```sh block is run by sh, all in the same directory, with punctual in PATH. The first command that fails
//     ends the test. Variables stay set in later blocks.
//   - A line that begins with "punctual dev", "punctual serve" or "punctual listen" starts a server, as in a terminal
//     of its own, which runs on to the end. "./punctual" and "go run ./cmd/punctual" mean the same as "punctual".
//   - Ports 8080 and 9000 stand for two free ones, wherever they are written after a colon.
//   - What is printed may be shown: in lines "# → text" of the block, or in ```console, ```text or ```json blocks
//     behind it. The lines of each must be found in this order in what the block printed, or else in what one of the
//     servers has printed by and by. Not every line needs to be shown.
//   - They are compared loosely: any white space is as good as any other, and … or ... stands for anything. Ids,
//     secrets, times of all kinds and broken numbers are expected to differ.
//   - Before each block the runner waits until no call is out and none is due, as the time that it takes to type.
//   - Blocks of other languages are not looked at.
const tourHeading = "## Five-minute tour"

func TestTourOfTheReadme(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("there is no README.md")
	}
	if err != nil {
		t.Fatal(err)
	}
	newTour(t).run(string(readme))
}

func TestTourRunner(t *testing.T) {
	sample, err := os.ReadFile(filepath.Join("testdata", "tour.md"))
	if err != nil {
		t.Fatal(err)
	}
	newTour(t).run(string(sample))
}

// tour is one run of the commands in a README.
type tour struct {
	t       *testing.T
	dir     string
	env     []string
	ports   *strings.Replacer
	servers []*process
	base    string // URL of the server; "" while there is none
}

func newTour(t *testing.T) *tour {
	for _, tool := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("the tour needs " + tool)
		}
	}
	var free [2]string
	for i := range free {
		addr, err := freeAddr()
		if err != nil {
			t.Fatal(err)
		}
		free[i] = strings.TrimPrefix(addr, "127.0.0.1")
	}
	tr := &tour{t: t, dir: t.TempDir(), ports: strings.NewReplacer(":8080", free[0], ":9000", free[1])}
	// The program's own defaults name the ports too; the environment says what the text cannot.
	tr.env = []string{
		"PATH=" + filepath.Dir(binary(t)) + string(os.PathListSeparator) + os.Getenv("PATH"),
		"TOUR_STATE=" + filepath.Join(t.TempDir(), "state"),
		"PUNCTUAL_ADDR=127.0.0.1" + free[0],
		"PUNCTUAL_SERVER=http://127.0.0.1" + free[0],
	}
	return tr
}

// block is one fenced block, or what is to be seen of it.
type block struct {
	line   int // of its fence in the README
	script []string
	shown  [][]string // of the lines "# →", and of each block behind it
}

// blocks finds the ```sh blocks of the tour under a heading, each with what is shown of its output.
func blocks(readme, heading string) (found []block, err error) {
	_, tour, ok := strings.Cut("\n"+readme, "\n"+heading)
	if !ok {
		return nil, fmt.Errorf("there is no section %q", heading)
	}
	above := strings.Count(readme[:len(readme)-len(tour)], "\n")
	fence, lines := "", strings.Split(tour, "\n")
	for i, line := range lines {
		mark, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence == "" && strings.HasPrefix(line, "## "):
			return found, nil
		case isFence && fence == "":
			fence = "```" + mark
			if mark == "sh" {
				found = append(found, block{line: above + i + 1, shown: [][]string{nil}})
			} else if len(found) > 0 && slices.Contains([]string{"console", "text", "json"}, mark) {
				found[len(found)-1].shown = append(found[len(found)-1].shown, nil)
			}
		case isFence:
			fence = ""
		case len(found) == 0:
		case fence == "```sh":
			b := &found[len(found)-1]
			b.script = append(b.script, line)
			if _, text, ok := strings.Cut(line, "# → "); ok && strings.HasPrefix(strings.TrimSpace(line), "#") {
				b.shown[0] = append(b.shown[0], text)
			}
		case slices.Contains([]string{"```console", "```text", "```json"}, fence):
			shown := found[len(found)-1].shown
			shown[len(shown)-1] = append(shown[len(shown)-1], line)
		}
	}
	return found, nil
}

func (tr *tour) run(readme string) {
	tr.t.Helper()
	found, err := blocks(readme, tourHeading)
	if err != nil {
		tr.t.Fatal(err)
	}
	if len(found) == 0 {
		tr.t.Fatal("the tour has no ```sh block")
	}
	for _, b := range found {
		tr.t.Logf("line %d\n%s", b.line, strings.Join(b.script, "\n"))
		if err := tr.play(b); err != nil {
			tr.t.Fatalf("README line %d: %v", b.line, err)
		}
	}
}

var startsServer = regexp.MustCompile(`^\s*punctual (dev|serve|listen)\b`)

// play runs one block: its servers in the background, what is between them in one piece.
func (tr *tour) play(b block) error {
	if err := tr.quiet(); err != nil {
		return err
	}
	var printed, piece strings.Builder
	for _, line := range b.script {
		line = strings.NewReplacer("go run ./cmd/punctual", "punctual", "./punctual", "punctual").Replace(tr.ports.Replace(line))
		if !startsServer.MatchString(line) {
			piece.WriteString(line + "\n")
			continue
		}
		if err := tr.shell(piece.String(), &printed); err != nil {
			return err
		}
		piece.Reset()
		if err := tr.serve(line); err != nil {
			return err
		}
	}
	if err := tr.shell(piece.String(), &printed); err != nil {
		return err
	}
	for _, shown := range b.shown {
		if err := tr.seen(shown, printed.String()); err != nil {
			return err
		}
	}
	return nil
}

// shell runs some lines; variables come from the lines before and go to those behind.
func (tr *tour) shell(script string, printed *strings.Builder) error {
	c := exec.Command("sh", "-c", "set -eua\n[ ! -f \"$TOUR_STATE\" ] || . \"$TOUR_STATE\"\n"+script+"\nexport -p >\"$TOUR_STATE\"\n")
	c.Dir, c.Env = tr.dir, append(os.Environ(), tr.env...)
	out, err := c.CombinedOutput()
	printed.Write(out)
	if err != nil {
		return fmt.Errorf("%w in\n%s\n%s", err, script, out)
	}
	return nil
}

var saysWhere = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// serve starts a server and waits until it says where it is.
func (tr *tour) serve(line string) error {
	line = strings.TrimRight(strings.TrimSpace(line), "& ")
	if strings.HasPrefix(line, "punctual listen") && !strings.Contains(line, "--addr") {
		line = strings.Replace(line, "listen", "listen --addr "+tr.ports.Replace("127.0.0.1:9000"), 1)
	}
	p := start(tr.t, tr.dir, tr.env, "sh", "-c", "[ ! -f \"$TOUR_STATE\" ] || . \"$TOUR_STATE\"\nexec "+line)
	if err := p.out.await(p.exited, saysWhere.MatchString); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	if !strings.HasPrefix(line, "punctual listen") {
		tr.base = saysWhere.FindString(p.out.String())
	}
	tr.servers = append(tr.servers, p)
	return nil
}

// quiet waits until no call is out, and none is due that nothing holds back.
func (tr *tour) quiet() error {
	if tr.base == "" {
		return nil
	}
	var trouble error
	err := until(func() bool {
		var running, due []jobRow
		if running, trouble = tr.jobs("state=running"); trouble == nil {
			due, trouble = tr.jobs("state=scheduled&due_before=" + url.QueryEscape(time.Now().UTC().Format(time.RFC3339Nano)))
		}
		free := func(j jobRow) bool { return j.HeldBy == "" }
		return trouble != nil || len(running) == 0 && !slices.ContainsFunc(due, free)
	})
	return errors.Join(trouble, err)
}

func (tr *tour) jobs(query string) ([]jobRow, error) {
	resp, err := http.Get(tr.base + jobsPath + "?" + query)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized {
		return nil, nil // served with a key: the tour must wait by itself
	}
	var page struct{ Items []jobRow }
	err = json.NewDecoder(resp.Body).Decode(&page)
	return page.Items, err
}

// seen looks for the lines that are shown, in what was printed or in what a server prints by and by.
func (tr *tour) seen(shown []string, printed string) error {
	missing := tr.missing(shown, printed)
	if missing == "" {
		return nil
	}
	err := until(func() bool {
		return slices.ContainsFunc(tr.servers, func(p *process) bool { return tr.missing(shown, p.out.String()) == "" })
	})
	if err == nil {
		return nil
	}
	texts := []string{printed}
	for _, p := range tr.servers {
		texts = append(texts, p.out.String())
	}
	return fmt.Errorf("%q is shown and was not printed:\n%s", missing, strings.Join(texts, "\n--\n"))
}

// missing is the first line that is not found behind those before it.
func (tr *tour) missing(shown []string, printed string) string {
	for _, line := range shown {
		line = strings.TrimSpace(tr.ports.Replace(line))
		at := regexp.MustCompile(loose(line, differing)).FindStringIndex(printed)
		if at == nil {
			return line
		}
		printed = printed[at[1]:]
	}
	return ""
}

// rule says what text of a form may be replaced by.
type rule struct {
	form   *regexp.Regexp
	stands string
}

// differing are texts that are another at each run, the longest forms first.
var differing = []rule{
	{regexp.MustCompile(`\s*(…|\.\.\.)\s*`), `.*`},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`), `\d{4}-\d\d-\d\dT[0-9:.]+Z`},
	{regexp.MustCompile(`job_[0-9a-z]*`), `job_[0-9a-z]*`},
	{regexp.MustCompile(`att_[0-9a-z]*`), `att_[0-9a-z]*`},
	{regexp.MustCompile(`node_[0-9a-z]*`), `node_[0-9a-z]*`},
	{regexp.MustCompile(`whsec_[0-9A-Za-z+/=]*`), `whsec_[0-9A-Za-z+/=]*`},
	{regexp.MustCompile(`\d\d:\d\d:\d\d(\.\d+)?`), `[0-9:.]+`},
	{regexp.MustCompile(`\b(now|(\d+ \w+|a long while) (ago|from now))\b`), `(?:now|[0-9a-z ]+ (?:ago|from now))`},
	{regexp.MustCompile(`\b\d+\.\d+\b`), `[0-9.]+`},
	{regexp.MustCompile(`\s+`), `\s+`},
}

// loose is the expression that text and its like match.
func loose(text string, rules []rule) string {
	if len(rules) == 0 {
		return regexp.QuoteMeta(text)
	}
	parts := rules[0].form.Split(text, -1)
	for i := range parts {
		parts[i] = loose(parts[i], rules[1:])
	}
	return strings.Join(parts, rules[0].stands)
}

func TestOutputIsComparedLooselyButCompared(t *testing.T) {
	tests := []struct {
		shown, printed string
		want           bool
	}{
		{"job_01jd…  billing  succeeded", "job_01m88w  billing    succeeded", true},
		{"job_01jd…  billing  succeeded", "job_01m88w  billing    failed", false},
		{`{"id":"job_01jd","run_at":"2026-01-01T09:00:00.000Z"}`, `{"id":"job_9","run_at":"2027-02-03T01:02:03.456Z"}`, true},
		{`{"id":"job_01jd","run_at":"2026-01-01T09:00:00.000Z"}`, `{"id":"job_9","run_at":null}`, false},
		{"09:00:00.123  POST /hooks  job_1  attempt 1/10  verified  → 200",
			"17:31:02.9  POST /hooks  job_2  attempt 1/10  verified  → 200", true},
		{"09:00:00.123  POST /hooks  job_1  attempt 1/10  verified  → 200",
			"17:31:02.9  POST /hooks  job_2  attempt 2/10  verified  → 200", false},
		{"secret  whsec_…", "secret   whsec_MfKQ9r8GKY/=", true},
		{"2 minutes ago  12.4 ms", "now  0.8 ms", true},
		{"2 minutes ago", "yesterday", false},
		{"a ... z", "a b c z", true},
	}
	tr := &tour{ports: strings.NewReplacer()}
	for _, test := range tests {
		if got := tr.missing([]string{test.shown}, test.printed) == ""; got != test.want {
			t.Errorf("%q against %q: %v", test.shown, test.printed, got)
		}
	}
	if tr.missing([]string{"b", "a"}, "a\nb\n") == "" {
		t.Error("the order of lines is not looked at")
	}
}
