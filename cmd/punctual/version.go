package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v3"
)

// build is what the binary knows of its making.
type build struct {
	version string // "devel" when it was not built from a tagged module
	commit  string // "" when it was built outside a checkout
	goes    string // Go version
}

func readBuild() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return build{version: "devel", goes: "unknown"}
	}
	b := build{version: strings.Trim(cmp.Or(info.Main.Version, "devel"), "()"), goes: info.GoVersion}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			b.commit += " with changes"
		}
	}
	return b
}

func (a *app) version() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "version, commit and Go version of this binary",
		Action: func(context.Context, *cli.Command) error {
			b := readBuild()
			_, err := fmt.Fprintf(a.stdout, "punctual %s\ncommit %s\n%s\n", b.version, cmp.Or(b.commit, "unknown"), b.goes)
			return err
		},
	}
}
