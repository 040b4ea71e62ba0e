package models

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// SecretKey encrypts what the book keeps secret: an AES-256 key.
type SecretKey [32]byte

// NewSecretKey makes a random key.
func NewSecretKey() (k SecretKey) {
	rand.Read(k[:]) // never fails
	return k
}

// ID names the key without giving anything of it away.
func (k SecretKey) ID() string {
	sum := sha256.Sum256(append([]byte("punctual secret key\x00"), k[:]...))
	return "k_" + hex.EncodeToString(sum[:8])
}

// Text is the key as a key file holds it: one line of base64.
func (k SecretKey) Text() string { return base64.StdEncoding.EncodeToString(k[:]) }

// ParseSecretKeys reads a key file: base64 of 32 bytes a line; empty lines and those that begin with # are passed over.
// The error tells the line and never repeats it.
func ParseSecretKeys(file []byte) ([]SecretKey, error) {
	var keys []SecretKey
	lines := bufio.NewScanner(bytes.NewReader(file))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != len(SecretKey{}) || SecretKey(raw).Text() != line { // decoding skips a \r anywhere
			return nil, fmt.Errorf("line %d must be the standard base64 of 32 bytes", n)
		}
		keys = append(keys, SecretKey(raw))
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("must hold a key: the standard base64 of 32 bytes")
	}
	return keys, nil
}
