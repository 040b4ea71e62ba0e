package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is a TLS certificate and its key in two files, read again when one of them has changed. Connections that
// are open go on with what they began with.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex // protects the fields below
	current *tls.Certificate
	stamp   string    // of the files that current was read from
	looked  time.Time // at the files
}

// certificateFresh is how often the files are looked at, at most: by a handshake, so that nothing runs in between.
const certificateFresh = time.Second

// newCertificate reads the files.
func newCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	return c, c.read(time.Now())
}

// config is what a server listens with.
func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return c.get(time.Now()), nil
	}}
}

// get is the certificate as it is now. One that cannot be read is complained of, and the one before stays in use: the
// two files of a new one are seldom written at the same moment.
func (c *certificate) get(now time.Time) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.looked) >= certificateFresh {
		if err := c.readLocked(now); err != nil {
			c.log.Warn("the TLS certificate is used on as it was", "error", err)
		}
	}
	return c.current
}

func (c *certificate) read(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.readLocked(now)
}

func (c *certificate) readLocked(now time.Time) error {
	c.looked = now
	stamp, err := stampOf(c.certFile, c.keyFile)
	if err != nil || stamp == c.stamp {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("read the TLS certificate: %w", err)
	}
	if c.stamp != "" {
		c.log.Info("the TLS certificate was read again", "expires", pair.Leaf.NotAfter)
	}
	c.current, c.stamp = &pair, stamp
	return nil
}

// stampOf changes when one of the files does.
func stampOf(files ...string) (stamp string, err error) {
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return "", fmt.Errorf("look at the TLS certificate: %w", err)
		}
		stamp += fmt.Sprintf("%d %d;", info.ModTime().UnixNano(), info.Size())
	}
	return stamp, nil
}
