package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"
)

// maxInput bounds what is read for a request from a file or the standard input.
const maxInput = 256 << 20

// object is a JSON object whose values stay as they were written.
type object map[string]json.RawMessage

// field is one field of a request's body and the flag that sets it.
type field struct {
	at   string // name in the body; "retry.factor" is factor in the object retry
	help string
	read func(a *app, values []string) (json.RawMessage, error)
}

// flagNames are the flags that are not named after their field: --key is the key for the API, and what is given
// once for each member reads better in the singular.
var flagNames = map[string]string{"key": "job-key", "headers": "header", "labels": "label"}

// flagName is the field's name as flags are written: retry.max_attempts is --retry-max-attempts.
func (f field) flagName() string {
	return cmp.Or(flagNames[f.at], strings.NewReplacer(".", "-", "_", "-").Replace(f.at))
}

// flag is a text flag, but for what may be given more than once and for what is only there or not.
func (f field) flag() cli.Flag {
	switch {
	case strings.HasSuffix(f.help, "(repeatable)"):
		return &cli.StringSliceFlag{Name: f.flagName(), Usage: f.help}
	case !strings.Contains(f.help, "`"):
		return &cli.BoolFlag{Name: f.flagName(), Usage: f.help, HideDefault: true}
	}
	return &cli.StringFlag{Name: f.flagName(), Usage: f.help}
}

// values are what the field's flag was given.
func (f field) values(c *cli.Command) []string {
	if many, ok := c.Value(f.flagName()).([]string); ok {
		return many
	}
	return []string{fmt.Sprint(c.Value(f.flagName()))}
}

// bodyFlags are the flags of the fields, and -f for a whole body.
func bodyFlags(fields []field, more ...cli.Flag) []cli.Flag {
	flags := []cli.Flag{&cli.StringFlag{Name: "file", Aliases: []string{"f"},
		Usage: "JSON `FILE` with the request, - for standard input; flags win over its fields"}}
	for _, f := range fields {
		flags = append(flags, f.flag())
	}
	return append(flags, more...)
}

// body makes a request's body of the file, if one is given, with the fields that have flags over it. Without a flag
// set the file goes out byte for byte.
func (a *app) body(c *cli.Command, fields []field, set object) (json.RawMessage, error) {
	out, whole := object{}, json.RawMessage(nil)
	if path := c.String("file"); path != "" {
		raw, err := a.readInput(path)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &out); err != nil || out == nil {
			return nil, misused(c, fmt.Errorf("--file %s is not a JSON object", path))
		}
		whole = raw
	}
	changed := len(set) > 0
	for name, value := range set {
		out[name] = value
	}
	for _, f := range fields {
		if !c.IsSet(f.flagName()) {
			continue
		}
		value, err := f.read(a, f.values(c))
		if err != nil {
			return nil, misused(c, fmt.Errorf("--%s %w", f.flagName(), err))
		}
		changed = true
		if err := out.put(f.at, value); err != nil {
			return nil, misused(c, err)
		}
	}
	if whole != nil && !changed {
		return whole, nil
	}
	return encode(out), nil
}

// put sets a field, which may be one level down.
func (o object) put(at string, value json.RawMessage) error {
	outer, inner, nested := strings.Cut(at, ".")
	if !nested {
		o[at] = value
		return nil
	}
	under := object{}
	if raw, ok := o[outer]; ok && json.Unmarshal(raw, &under) != nil || under == nil {
		return fmt.Errorf("%s in --file is not an object", outer)
	}
	under[inner] = value
	o[outer] = encode(under)
	return nil
}

// encode writes JSON without touching what is inside of raw values.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // only strings, maps of them and raw values that were checked come here
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// readInput reads a file, or the standard input for "-".
func (a *app) readInput(path string) ([]byte, error) {
	in := a.stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(raw) > maxInput {
		err = fmt.Errorf("%s is too large", path)
	}
	return raw, err
}

// The readers of values: what a flag's text means in the body. Their errors continue the flag's name.

func asText(_ *app, values []string) (json.RawMessage, error) { return encode(values[0]), nil }

// asTexts reads a list of texts, one each time the flag is given.
func asTexts(_ *app, values []string) (json.RawMessage, error) { return encode(values), nil }

func asBool(_ *app, values []string) (json.RawMessage, error) {
	return json.RawMessage(values[0]), nil
}

func asNumber(_ *app, values []string) (json.RawMessage, error) {
	if _, err := strconv.ParseFloat(values[0], 64); err != nil || !json.Valid([]byte(values[0])) {
		return nil, errors.New("must be a number")
	}
	return json.RawMessage(values[0]), nil
}

// asStatuses reads "400,413"; an empty text is the empty list.
func asStatuses(_ *app, values []string) (json.RawMessage, error) {
	raw := json.RawMessage("[" + values[0] + "]")
	if json.Unmarshal(raw, new([]int)) != nil {
		return nil, errors.New("must be status codes with commas between them")
	}
	return raw, nil
}

// asJSON reads JSON as it stands, from the flag, from a file ("@FILE") or from the standard input ("-").
func asJSON(a *app, values []string) (json.RawMessage, error) {
	raw, err := a.textOrFile(values[0])
	if err == nil && !json.Valid(raw) {
		err = errors.New("must be JSON, @FILE or -")
	}
	return raw, err
}

// asContent reads text from the flag, from a file ("@FILE") or from the standard input ("-").
func asContent(a *app, values []string) (json.RawMessage, error) {
	raw, err := a.textOrFile(values[0])
	return encode(string(raw)), err
}

func (a *app) textOrFile(value string) ([]byte, error) {
	if path, ok := strings.CutPrefix(value, "@"); ok {
		return a.readInput(path)
	}
	if value == "-" {
		return a.readInput(value)
	}
	return []byte(value), nil
}

// asPairs reads an object of texts from "NAME=VALUE" or "NAME: VALUE", whichever comes first.
func asPairs(_ *app, values []string) (json.RawMessage, error) {
	pairs := map[string]string{}
	for _, v := range values {
		i := strings.IndexAny(v, ":=")
		if i < 1 {
			return nil, errors.New("must be NAME=VALUE or NAME: VALUE")
		}
		pairs[strings.TrimSpace(v[:i])] = strings.TrimSpace(v[i+1:])
	}
	return encode(pairs), nil
}

// resetFlag is the flag of changes that gives fields their defaults back.
func resetFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "reset",
		Usage: "give this `FIELD` its default back, such as timeout or retry.factor (repeatable)"}
}

// change makes a merge patch (RFC 7396) of the fields and of --reset.
func (a *app) change(c *cli.Command, fields []field) (json.RawMessage, error) {
	resets := c.StringSlice("reset")
	known := func(at string) bool {
		return slices.ContainsFunc(fields, func(f field) bool {
			return f.at == at || strings.HasPrefix(f.at, at+".")
		})
	}
	body, err := a.body(c, fields, nil)
	if err != nil || len(resets) == 0 {
		return body, err
	}
	out := object{}
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, err
	}
	for _, at := range resets {
		if !known(at) {
			return nil, misused(c, fmt.Errorf("--reset: there is no field %q to change", at))
		}
		if err := out.put(at, json.RawMessage("null")); err != nil {
			return nil, misused(c, err)
		}
	}
	return encode(out), nil
}

// retryFields set the retry policy, of a target or over a target's.
var retryFields = []field{
	{"retry.max_attempts", "attempts at most, `NUMBER` from 1 to 100", asNumber},
	{"retry.min_backoff", "`DURATION` before the second attempt", asText},
	{"retry.max_backoff", "`DURATION` between attempts at most", asText},
	{"retry.factor", "`NUMBER` from 1 to 10 that each delay is multiplied by", asNumber},
	{"retry.jitter", "`SHARE` from 0 to 1 by which a delay varies", asNumber},
	{"retry.fail_on", "`CODES` that fail at once, such as 400,422", asStatuses},
}
