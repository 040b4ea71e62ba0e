package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"punctual/models"
)

// secrets are the commands about the keys that encrypt what the database keeps secret.
func (a *app) secrets() *cli.Command {
	return &cli.Command{
		Name:  "secrets",
		Usage: "keys that encrypt the secrets in the database",
		Commands: []*cli.Command{
			{
				Name:  "generate-key",
				Usage: "print a new key for --secret-key-file; openssl rand -base64 32 does the same",
				Action: func(context.Context, *cli.Command) error {
					_, err := fmt.Fprintln(a.stdout, models.NewSecretKey().Text())
					return err
				},
			},
			{
				Name:        "rotate-key",
				Usage:       "encrypt all secrets with the first key of --secret-key-file, so that the others can go",
				Description: rotateHelp + "\n\n" + settingsHelp,
				Flags: append(flags(onSecrets), &cli.BoolFlag{Name: "vacuum", HideDefault: true,
					Usage: "SQLite: then rewrite the file, so that nothing of what was replaced stays in it; the server must be stopped"}),
				Action: a.rotateKey,
			},
		},
	}
}

const rotateHelp = "To change the key, put the new one first in the file, above the old one, and restart the server; then run this,\n" +
	"beside the server or while it is stopped, and take the old key out. It goes in small steps, may be broken off at\n" +
	"any time, and does what is left when it is run again. Backups made before still need the old key."

func (a *app) rotateKey(ctx context.Context, c *cli.Command) error {
	s, err := a.load(c, onSecrets)
	if err != nil {
		return err
	}
	done, err := models.Reseal(ctx, models.Config{Database: s.Database, Sync: s.Sync, SecretKeys: s.SecretKeys,
		Log: s.logger(a.stderr)}, c.Bool("vacuum"), time.Now(), nil)
	if err != nil {
		return settingOrTrouble(c, err)
	}
	fmt.Fprintf(a.stdout, "%d secrets encrypted with key %s; all others need no other key\n", done.Changed, s.SecretKeys[0].ID())
	if done.Lost > 0 {
		return fmt.Errorf("%d secrets cannot be read with any key and were left; the log names them", done.Lost)
	}
	return nil
}

// readSecretKeys reads key files: the first key of the first file encrypts.
func readSecretKeys(paths string) ([]models.SecretKey, error) {
	var all []models.SecretKey
	for i, path := range splitList(paths) {
		file, err := os.ReadFile(strings.TrimSpace(path))
		if err != nil {
			return nil, fmt.Errorf("must be files that can be read: number %d cannot", i+1)
		}
		keys, err := models.ParseSecretKeys(file)
		if err != nil {
			return nil, fmt.Errorf("must be files of keys: in number %d, %w", i+1, err)
		}
		all = append(all, keys...)
	}
	return all, nil
}
