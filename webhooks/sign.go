package webhooks

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Standard Webhooks 1.0: a secret is "whsec_" and the standard base64 of a key
// of 24 to 64 bytes.
const (
	secretPrefix = "whsec_"
	minKeyBytes  = 24
	maxKeyBytes  = 64
	newKeyBytes  = 32
)

// ErrSecret is wrapped by every complaint about the form of a secret. None of
// them repeats the secret.
var ErrSecret = errors.New("not a webhook secret")

// Reasons of Verify, to be told apart with errors.Is.
var (
	ErrUnsigned  = errors.New("webhook-id, webhook-timestamp or webhook-signature is missing or malformed")
	ErrTimestamp = errors.New("webhook-timestamp is more than 5 minutes away from now")
	ErrSignature = errors.New("no signature fits this body and secret")
)

// NewSecret makes a secret of 32 random bytes.
func NewSecret() (string, error) {
	key := make([]byte, newKeyBytes)
	if _, err := rand.Read(key); err != nil {
		return "", fmt.Errorf("make webhook secret: %w", err)
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(key), nil
}

// CheckSecret reports what is wrong with the form of a secret, as an ErrSecret.
func CheckSecret(s string) error {
	_, err := decodeSecret(s)
	return err
}

// decodeSecret returns the key that a secret stands for.
func decodeSecret(s string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(s, secretPrefix)
	if !ok {
		return nil, fmt.Errorf("%w: it must begin with %s", ErrSecret, secretPrefix)
	}
	// The decoder skips line breaks, which would not survive a copy and paste.
	if strings.ContainsAny(encoded, "\r\n") {
		return nil, fmt.Errorf("%w: it must not contain line breaks", ErrSecret)
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: what follows %s must be base64 with padding", ErrSecret, secretPrefix)
	}
	if len(key) < minKeyBytes || len(key) > maxKeyBytes {
		return nil, fmt.Errorf("%w: it must hold %d to %d bytes, not %d", ErrSecret, minKeyBytes, maxKeyBytes, len(key))
	}
	return key, nil
}

// Sign returns the signature of a message, "{id}.{unix seconds}.{body}": with a
// secret "v1,<base64>", its HMAC-SHA256, and with a private key "v1a,<base64>",
// its ed25519 signature. An id with a dot is refused, since the dot separates
// the fields.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := keys.get(secret)
	if err != nil {
		return "", err
	}
	if id == "" || strings.Contains(id, ".") {
		return "", errors.New("sign: an id must not be empty or contain a dot")
	}
	head := make([]byte, 0, 96)
	head = append(head, id...)
	head = append(head, '.')
	head = strconv.AppendInt(head, at.Unix(), 10)
	head = append(head, '.')
	if isPrivate(secret) {
		return signPrivate(key, head, body), nil
	}

	mac := hmac.New(sha256.New, key)
	mac.Write(head)
	mac.Write(body)
	return string(base64.StdEncoding.AppendEncode([]byte("v1,"), mac.Sum(head[:0]))), nil
}

// Verify checks a received call against one secret or public key: some entry of
// its webhook-signature must fit, v1 or v1a, and its timestamp be within 5
// minutes of now. The error is an ErrSecret, ErrUnsigned, ErrTimestamp or
// ErrSignature.
func Verify(secret string, header http.Header, body []byte) error {
	if IsPublicKey(secret) {
		return verifyPublic(secret, header, body, time.Now())
	}
	if err := CheckSecret(secret); err != nil {
		return err
	}
	if strings.Contains(header.Get(standardwebhooks.HeaderWebhookID), ".") {
		return ErrUnsigned
	}
	hook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return ErrSecret
	}
	err = hook.Verify(body, header)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, standardwebhooks.ErrNoMatchingSignature):
		return ErrSignature
	case errors.Is(err, standardwebhooks.ErrMessageTooOld), errors.Is(err, standardwebhooks.ErrMessageTooNew):
		return ErrTimestamp
	default:
		return ErrUnsigned
	}
}
