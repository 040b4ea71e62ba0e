package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/goccy/go-yaml"
	"github.com/urfave/cli/v3"

	"punctual/models"
	"punctual/server"
)

// settings are what a server is started with, read and checked.
type settings struct {
	Addr                 string
	Database             string
	NoMigrate            bool
	Sync                 string
	AdminKey             string
	TLSCert, TLSKey      string
	BehindProxy          bool
	TrustedProxies       []string
	Insecure             bool
	OpenMetrics          bool
	AllowTargets         []string
	SecretKeys           []models.SecretKey
	Retention            time.Duration
	RetentionFailed      time.Duration
	RetentionOccurrences time.Duration
	MaxPayload           int64 // bytes
	MaxRequest           int64 // bytes
	MaxRequests          int
	MaxStreams           int
	MinFreeDisk          int64 // bytes
	ResponseCapture      int64 // bytes
	MaxInFlight          int
	QueueWindow          int
	ShutdownGrace        time.Duration
	MissedAfter          time.Duration
	LogFormat            string
	LogLevel             slog.Level

	Shown []server.Setting // each of them, as it was given or as it is by default, without secrets
}

// Which commands a setting belongs to.
const (
	onDev = 1 << iota
	onServe
	onMigrate
	onSecrets
	onKeys

	onServers = onDev | onServe
	onAll     = onServers | onMigrate | onSecrets | onKeys
)

// setting is one row of the table: a flag, an environment variable and a key of the configuration file at once.
type setting struct {
	name  string
	unset string // the default, written as a user would
	on    int
	help  string
	put   func(s *settings, value string) error
}

var table = []setting{
	{"addr", "127.0.0.1:8080", onServers, "`HOST:PORT` to listen on",
		func(s *settings, v string) error { s.Addr = v; return hostPort(v) }},
	{"database", "sqlite:punctual.db", onAll, "where everything is kept: `sqlite:PATH|postgres://…`",
		func(s *settings, v string) error { s.Database = v; return nil }},
	{"no-migrate", "false", onServers, "refuse an older schema instead of bringing it up to date",
		func(s *settings, v string) (err error) { s.NoMigrate, err = yesOrNo(v); return err }},
	{"sync", "full", onAll, "what a commit survives: `full|normal`, a crash of the machine or of the process",
		func(s *settings, v string) error { s.Sync = v; return oneOf(v, "full", "normal") }},
	{"admin-key", "", onServe, "a `KEY` that may do everything, beside those of punctual keys; at least 20 characters, 8 of them different",
		func(s *settings, v string) error { s.AdminKey = v; return strongKey(v) }},
	{"tls-cert", "", onServe, "PEM `FILE` of the certificate to serve HTTPS with; read again when it changes",
		func(s *settings, v string) error { s.TLSCert = v; return nil }},
	{"tls-key", "", onServe, "PEM `FILE` of the certificate's key",
		func(s *settings, v string) error { s.TLSKey = v; return nil }},
	{"behind-proxy", "false", onServe, "a proxy speaks TLS for this server: allow any plain --addr, and believe X-Forwarded-Proto",
		func(s *settings, v string) (err error) { s.BehindProxy, err = yesOrNo(v); return err }},
	{"trusted-proxies", "", onServe, "`CIDR,...` of proxies whose X-Forwarded-For is believed",
		func(s *settings, v string) (err error) { s.TrustedProxies, err = networks(v); return err }},
	{"insecure", "false", onServe, "allow a plain --addr that other machines can reach: keys cross the network readably",
		func(s *settings, v string) (err error) { s.Insecure, err = yesOrNo(v); return err }},
	{"open-metrics", "false", onServe, "let /metrics, /docs and /openapi.json be read without a key",
		func(s *settings, v string) (err error) { s.OpenMetrics, err = yesOrNo(v); return err }},
	{"allow-targets", "", onServe, "addresses that are not public but may be called: `CIDR|HOST,...`",
		func(s *settings, v string) error { s.AllowTargets = splitList(v); return nil }},
	{"secret-key-file", "", onServers | onSecrets, "`FILE,...` of keys that encrypt secrets in the database: base64 of 32 bytes a line; the first one writes",
		func(s *settings, v string) (err error) { s.SecretKeys, err = readSecretKeys(v); return err }},
	{"retention", "7d", onServers, "`DURATION` for which succeeded and canceled jobs are kept",
		func(s *settings, v string) (err error) { s.Retention, err = duration(v); return err }},
	{"retention-failed", "30d", onServers, "`DURATION` for which failed jobs are kept",
		func(s *settings, v string) (err error) { s.RetentionFailed, err = duration(v); return err }},
	{"retention-occurrences", "90d", onServers, "`DURATION` for which occurrences of schedules are kept",
		func(s *settings, v string) (err error) { s.RetentionOccurrences, err = duration(v); return err }},
	{"max-payload", "1MiB", onServers, "largest payload of a job, as a `SIZE`",
		func(s *settings, v string) (err error) { s.MaxPayload, err = size(v); return err }},
	{"max-request", "16MiB", onServers, "largest request body, as a `SIZE`",
		func(s *settings, v string) (err error) { s.MaxRequest, err = size(v); return err }},
	{"max-requests", "2048", onServers, "`NUMBER` of requests answered at once; more get 503",
		func(s *settings, v string) (err error) { s.MaxRequests, err = number(v, 1, 1_000_000); return err }},
	{"max-streams", "1000", onServers, "`NUMBER` of event streams open at once, a key having a quarter of them at most",
		func(s *settings, v string) (err error) { s.MaxStreams, err = number(v, 1, 1_000_000); return err }},
	{"min-free-disk", "512MiB", onServers, "`SIZE` of free disk below which nothing new is accepted and schedules wait; what is owed is still done",
		func(s *settings, v string) (err error) { s.MinFreeDisk, err = diskSize(v); return err }},
	{"response-capture", "16KiB", onServers, "how much of a target's answer is kept, as a `SIZE`",
		func(s *settings, v string) (err error) { s.ResponseCapture, err = size(v); return err }},
	{"max-in-flight", "4096", onServers, "`NUMBER` of calls out at once, over all targets",
		func(s *settings, v string) (err error) { s.MaxInFlight, err = number(v, 1, 1_000_000); return err }},
	{"queue-window", "65536", onServers, "`NUMBER` of due jobs held in memory; the rest waits in the database",
		func(s *settings, v string) (err error) { s.QueueWindow, err = number(v, 64, 10_000_000); return err }},
	{"shutdown-grace", "30s", onServers, "`DURATION` that calls out may take to finish at a stop",
		func(s *settings, v string) (err error) { s.ShutdownGrace, err = duration(v); return err }},
	{"missed-after", "60s", onServers, "`DURATION` after which an occurrence that could not be settled counts as missed",
		func(s *settings, v string) (err error) { s.MissedAfter, err = duration(v); return err }},
	{"log-format", "text", onServers, "how the log on stderr is written: `text|json`",
		func(s *settings, v string) error { s.LogFormat = v; return oneOf(v, "text", "json") }},
	{"log-level", "info", onServers, "the least that is logged: `debug|info|warn|error`",
		func(s *settings, v string) error { return logLevel(&s.LogLevel, v) }},
}

// settingsHelp tells in the help of a command how its settings may be given.
const settingsHelp = "Every flag can also be set in the environment as PUNCTUAL_<FLAG>, in capitals and with _ for -,\n" +
	"or under its name in the --config file. The flag wins over the environment, the environment over the file."

// flags are the flags of a command: its rows of the table, and --config.
func flags(on int) []cli.Flag {
	flags := []cli.Flag{&cli.StringFlag{Name: "config", Usage: "YAML `FILE` with any of these settings, by flag name"}}
	for _, row := range table {
		switch {
		case row.on&on == 0:
		case row.unset == "false":
			flags = append(flags, &cli.BoolFlag{Name: row.name, Usage: row.help, HideDefault: true})
		default:
			flags = append(flags, &cli.StringFlag{Name: row.name, Usage: row.help, DefaultText: row.unset})
		}
	}
	return flags
}

// variable is the environment variable that stands for a flag.
func variable(flag string) string {
	return "PUNCTUAL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// load reads the settings of a command, in the order flag, environment, file, table.
func (a *app) load(c *cli.Command, on int) (s settings, err error) {
	path := cmp.Or(c.String("config"), a.env(variable("config")))
	var file map[string]string
	if path != "" {
		if file, err = readConfig(path); err != nil {
			return s, misused(c, err)
		}
	}
	for _, row := range table {
		if row.on&on == 0 {
			continue
		}
		value, origin := row.unset, "--"+row.name
		if c.IsSet(row.name) {
			value = fmt.Sprint(c.Value(row.name))
		} else if v := a.env(variable(row.name)); v != "" {
			value, origin = v, variable(row.name)
		} else if v, ok := file[row.name]; ok {
			value, origin = v, path+": "+row.name
		}
		if err := row.put(&s, value); err != nil {
			return s, misused(c, fmt.Errorf("%s %w", origin, err))
		}
		s.Shown = append(s.Shown, server.Setting{Name: row.name, Value: showable(row.name, value)})
	}
	if s.MaxPayload > s.MaxRequest {
		return s, misused(c, errors.New("--max-payload must not be more than --max-request"))
	}
	return s, nil
}

// showable is a setting's value without what is secret in it.
func showable(name, value string) string {
	if strings.HasSuffix(name, "-key") && value != "" {
		return "***"
	}
	if name == "database" {
		return showDatabase(value)
	}
	return value
}

// The places of a password in the URL of a database. They are found by their looks, since URLs that name several servers
// are none to net/url; whatever stands before the last @ counts as password, rather too much than too little.
var (
	passwordBefore = regexp.MustCompile(`^(\w+://[^:@/?]*):.*@`)
	passwordBehind = regexp.MustCompile(`([?&](?:ssl)?password=)[^&]*`)
)

// showDatabase is the setting of a database without its password, for people and logs.
func showDatabase(value string) string {
	if strings.HasPrefix(value, "sqlite:") {
		return value
	}
	return passwordBehind.ReplaceAllString(passwordBefore.ReplaceAllString(value, "${1}:***@"), "${1}***")
}

// readConfig reads a configuration file: an object of scalars, or of lists where a flag takes a list.
func readConfig(path string) (map[string]string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read --config: %w", err)
	}
	return parseConfig(path, raw)
}

// parseConfig reads what a configuration file holds; path is for its errors.
func parseConfig(path string, raw []byte) (map[string]string, error) {
	var items yaml.MapSlice
	if err := yaml.Unmarshal(raw, &items); err != nil {
		return nil, fmt.Errorf("%s is not a YAML object of settings: %s", path, yaml.FormatError(err, false, false))
	}
	values := map[string]string{}
	for _, item := range items {
		key := fmt.Sprint(item.Key)
		if !slices.ContainsFunc(table, func(row setting) bool { return row.name == key }) {
			return nil, fmt.Errorf("%s: unknown key %q", path, key)
		}
		switch v := item.Value.(type) {
		case nil:
		case []any:
			values[key] = strings.Join(texts(v), ",")
		case yaml.MapSlice, map[string]any:
			return nil, fmt.Errorf("%s: %s must be a single value", path, key)
		default:
			values[key] = fmt.Sprint(v)
		}
	}
	return values, nil
}

func texts(values []any) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprint(v)
	}
	return out
}

// The readers of values. Their errors continue the name of the setting and never repeat the value.

func duration(v string) (time.Duration, error) {
	d, ok := models.ParseDuration(v)
	if !ok || d <= 0 {
		return 0, errors.New("must be a duration of more than 0s, such as 500ms, 90s, 1h30m or 7d")
	}
	return d, nil
}

// size reads a size of what is held in memory.
func size(v string) (int64, error) {
	n, err := humanize.ParseBytes(v)
	if err != nil || n < 1 || n > math.MaxInt32 {
		return 0, errors.New("must be a size from 1B to less than 2GiB, such as 16KiB or 1MiB")
	}
	return int64(n), nil
}

// diskSize reads a size of what is on a disk.
func diskSize(v string) (int64, error) {
	n, err := humanize.ParseBytes(v)
	if err != nil || n < 1 || n > 1<<50 {
		return 0, errors.New("must be a size from 1B to 1PiB, such as 512MiB or 10GiB")
	}
	return int64(n), nil
}

func hostPort(v string) error {
	_, port, err := net.SplitHostPort(v)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 0 || n > 65535 {
		return errors.New("must be HOST:PORT, such as 127.0.0.1:8080 or :8080, with a port up to 65535")
	}
	return nil
}

func number(v string, least, most int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("must be a number from %d to %d", least, most)
	}
	return n, nil
}

func networks(v string) ([]string, error) {
	all := splitList(v)
	for i, text := range all {
		all[i] = strings.TrimSpace(text)
		_, noAddr := netip.ParseAddr(all[i])
		if _, noPrefix := netip.ParsePrefix(all[i]); noAddr != nil && noPrefix != nil {
			return nil, errors.New("must be addresses or networks, such as 10.0.0.7 or 10.0.0.0/8")
		}
	}
	return all, nil
}

func yesOrNo(v string) (bool, error) {
	b, err := strconv.ParseBool(v)
	if err != nil {
		return false, errors.New("must be true or false")
	}
	return b, nil
}

func oneOf(v string, words ...string) error {
	if !slices.Contains(words, v) {
		return errors.New("must be " + strings.Join(words, " or "))
	}
	return nil
}

func logLevel(l *slog.Level, v string) error {
	if err := oneOf(v, "debug", "info", "warn", "error"); err != nil {
		return err
	}
	return l.UnmarshalText([]byte(v))
}

func splitList(v string) []string {
	return slices.DeleteFunc(strings.Split(v, ","), func(s string) bool { return strings.TrimSpace(s) == "" })
}

// Bounds of an admin key, below which it is found by trying: about what openssl rand -base64 15 gives.
const (
	minAdminKey   = 20 // characters
	minDifferents = 8  // different ones among them
)

// strongKey refuses an admin key that is short or says the same again and again; none at all is fine.
func strongKey(key string) error {
	different := map[rune]bool{}
	for _, c := range key {
		different[c] = true
	}
	if key != "" && (utf8.RuneCountInString(key) < minAdminKey || len(different) < minDifferents) {
		return errors.New("must be at least 20 characters, 8 of them different, or it would be guessed: punctual keys create makes better ones")
	}
	return nil
}
