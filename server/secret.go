package server

import (
	"crypto/rand"
	"encoding/base64"
	"strings"

	"punctual/models"
)

// Standard Webhooks 1.0: a secret is "whsec_" and the standard base64 of a key of 24 to 64 bytes.
const (
	secretPrefix = "whsec_"
	minSecret    = 24
	maxSecret    = 64
	newSecret    = 32
)

// makeSecret makes a random secret.
func makeSecret() string {
	key := make([]byte, newSecret)
	rand.Read(key) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(key)
}

// checkSecret tells what is wrong with the form of a secret.
func checkSecret(s string) error {
	encoded, hasPrefix := strings.CutPrefix(s, secretPrefix)
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	// The decoder skips line breaks.
	if !hasPrefix || err != nil || len(key) < minSecret || len(key) > maxSecret || strings.ContainsAny(s, "\r\n") {
		return &models.Invalid{Field: "secret", Why: "must be whsec_ and the standard base64 of 24 to 64 bytes"}
	}
	return nil
}
