package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"punctual/models"
)

func (a *app) migrate() *cli.Command {
	return &cli.Command{
		Name:        "migrate",
		Usage:       "bring the database to this version's schema; dev and serve do so at their start",
		Description: settingsHelp,
		Flags:       flags(onMigrate),
		Action: func(ctx context.Context, c *cli.Command) error {
			s, err := a.load(c, onMigrate)
			if err != nil {
				return err
			}
			from, to, err := models.Migrate(ctx, models.Config{Database: s.Database, Sync: s.Sync})
			switch {
			case err != nil:
				return settingOrTrouble(c, err)
			case from == to:
				_, err = fmt.Fprintf(a.stdout, "%s is at schema %d already\n", showDatabase(s.Database), to)
			default:
				_, err = fmt.Fprintf(a.stdout, "%s brought from schema %d to %d\n", showDatabase(s.Database), from, to)
			}
			return err
		},
	}
}
