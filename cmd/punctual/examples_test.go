package main

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"
)

// Each example is of a command that there is, and uses flags that it has.
func TestExamples(t *testing.T) {
	a := &app{env: func(string) string { return "" }, stdout: io.Discard, stderr: io.Discard}
	commands := map[string]*cli.Command{}
	var walk func(c *cli.Command, name string)
	walk = func(c *cli.Command, name string) {
		commands[name] = c
		for _, below := range c.Commands {
			below.Flags = append(below.Flags, c.Flags...)
			walk(below, name+" "+below.Name)
		}
	}
	walk(a.root(), "punctual")
	given := regexp.MustCompile(` --?([a-z-]+)`)
	for name, text := range examples {
		c, isThere := commands[name]
		if !isThere {
			t.Errorf("there is no command %s", name)
			continue
		}
		for line := range strings.Lines(strings.TrimSpace(text)) {
			_, rest, isOf := strings.Cut(line, name)
			if !isOf {
				t.Errorf("%s: an example of something else: %s", name, line)
			}
			for _, flag := range given.FindAllStringSubmatch(rest, -1) {
				if !slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), flag[1]) }) {
					t.Errorf("%s has no flag %s", name, flag[1])
				}
			}
		}
	}
}
