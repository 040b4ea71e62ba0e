package webhooks

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Standard Webhooks' asymmetric signatures, v1a: a private key is "whsk_" and
// the base64 of an ed25519 seed with its public key behind it, a public key
// "whpk_" and its base64.
const (
	privatePrefix = "whsk_"
	publicPrefix  = "whpk_"
	publicVersion = "v1a,"
	tolerance     = 5 * time.Minute // of a timestamp, either way
)

func isPrivate(s string) bool { return strings.HasPrefix(s, privatePrefix) }

// IsPublicKey reports whether s is meant as a public key; CheckPublicKey tells
// whether it is one.
func IsPublicKey(s string) bool { return strings.HasPrefix(s, publicPrefix) }

// CheckPublicKey reports what is wrong with the form of a public key, as an ErrSecret.
func CheckPublicKey(s string) error {
	_, err := decodeKey(s, publicPrefix, ed25519.PublicKeySize)
	return err
}

// decodePrivate returns the ed25519 key that a private key stands for.
func decodePrivate(s string) ([]byte, error) {
	key, err := decodeKey(s, privatePrefix, ed25519.PrivateKeySize)
	if err == nil && !bytes.Equal(key, ed25519.NewKeyFromSeed(key[:ed25519.SeedSize])) {
		err = fmt.Errorf("%w: the halves of this private key do not belong together", ErrSecret)
	}
	if err != nil {
		return nil, err
	}
	return key, nil
}

func decodeKey(s, prefix string, size int) ([]byte, error) {
	encoded, ok := strings.CutPrefix(s, prefix)
	if !ok || strings.ContainsAny(encoded, "\r\n") {
		return nil, fmt.Errorf("%w: it must be %s and base64", ErrSecret, prefix)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(key) != size {
		return nil, fmt.Errorf("%w: what follows %s must be the base64 of %d bytes", ErrSecret, prefix, size)
	}
	return key, nil
}

// signPrivate signs head and body with an ed25519 key.
func signPrivate(key, head, body []byte) string {
	signature := ed25519.Sign(key, slices.Concat(head, body))
	return string(base64.StdEncoding.AppendEncode([]byte(publicVersion), signature))
}

// verifyPublic is Verify with a public key.
func verifyPublic(public string, header http.Header, body []byte, now time.Time) error {
	key, err := decodeKey(public, publicPrefix, ed25519.PublicKeySize)
	if err != nil {
		return err
	}
	id, stamp := header.Get(standardwebhooks.HeaderWebhookID), header.Get(standardwebhooks.HeaderWebhookTimestamp)
	signatures := header.Get(standardwebhooks.HeaderWebhookSignature)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if id == "" || strings.Contains(id, ".") || signatures == "" || err != nil {
		return ErrUnsigned
	}
	if now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return ErrTimestamp
	}
	message := slices.Concat([]byte(id+"."+stamp+"."), body)
	for entry := range strings.FieldsSeq(signatures) {
		encoded, isPublic := strings.CutPrefix(entry, publicVersion)
		signature, err := base64.StdEncoding.DecodeString(encoded)
		if isPublic && err == nil && ed25519.Verify(key, message, signature) {
			return nil
		}
	}
	return ErrSignature
}
