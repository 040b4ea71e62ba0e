package main

import (
	"strings"

	"github.com/urfave/cli/v3"
)

// examples are shown in the help of the commands that they are of; by the command's full name.
var examples = map[string]string{
	"punctual dev": `
punctual dev --demo
punctual dev --addr 127.0.0.1:8081 --database sqlite:/tmp/try.db`,
	"punctual serve": `
punctual serve --database sqlite:/var/lib/punctual/punctual.db
punctual serve --addr :443 --tls-cert cert.pem --tls-key key.pem --allow-targets 10.1.0.0/16,hooks.internal
PUNCTUAL_DATABASE=postgres://localhost/punctual punctual serve --config /etc/punctual.yaml`,
	"punctual listen": `
punctual listen --secret whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD --fail-first 2
punctual listen --addr 127.0.0.1:9001 --status 410`,
	"punctual keys create": `
punctual keys create me --scope admin --database sqlite:/var/lib/punctual/punctual.db
punctual keys create worker --scope write --targets billing,mail --expires-in 90d`,
	"punctual targets create": `
punctual targets create billing --url https://api.example.com/hooks/billing
punctual targets create slow --url https://api.example.com/slow --timeout 2m --rate-limit 10/s --retry-max-attempts 3`,
	"punctual targets update": `
punctual targets update billing --timeout 10s --reset rate_limit`,
	"punctual jobs create": `
punctual jobs create billing --payload '{"invoice":7}'
punctual jobs create billing --payload @invoice.json --delay 10m --label customer=42`,
	"punctual jobs batch": `
punctual jobs batch -f jobs.json`,
	"punctual jobs list": `
punctual jobs list --target billing --state failed
punctual jobs list --label customer=42 --all -o json`,
	"punctual jobs export": `
punctual jobs export --target billing --state failed >failed.csv
punctual jobs export --format json --created-after 2026-12-01T00:00:00Z >december.ndjson`,
	"punctual upcoming": `
punctual upcoming --within 24h --target billing`,
	"punctual jobs retry": `
punctual jobs retry job_01kcr3x5yw9m0bq4t6z8d2e7fn
punctual jobs retry --all --target billing --state failed --dry-run`,
	"punctual schedules create": `
punctual schedules create report --target billing --cron '0 9 * * MON-FRI' --timezone Europe/Berlin
punctual schedules create pulse --target billing --every 30s --payload '{}'`,
	"punctual schedules preview": `
punctual schedules preview --cron '30 2 * * *' --timezone Europe/Berlin --count 3`,
	"punctual schedules backfill": `
punctual schedules backfill report --from 2026-12-01T00:00:00Z --to 2026-12-05T00:00:00Z --dry-run`,
	"punctual bench": `
punctual bench --quick
punctual bench --targets 1000 --payload 4KiB -o json`,
}

// exemplify gives a command of that full name, and those below it, their examples.
func exemplify(c *cli.Command, name string) {
	if text := strings.TrimSpace(examples[name]); text != "" {
		c.Metadata = map[string]any{"examples": strings.Split(text, "\n")}
	}
	for _, below := range c.Commands {
		exemplify(below, name+" "+below.Name)
	}
}

const examplesHelp = `{{with .Metadata.examples}}

EXAMPLES:{{range .}}
   {{.}}{{end}}{{end}}
`
