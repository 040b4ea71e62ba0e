package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writePair writes a self-signed certificate and its key, as of a moment.
func writePair(t *testing.T, dir, name string, at time.Time) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(at.Unix()), Subject: pkix.Name{CommonName: name},
		NotBefore: at.Add(-time.Hour), NotAfter: at.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir, at := t.TempDir(), time.Now()
	certFile, keyFile := writePair(t, dir, "first", at)
	c, err := newCertificate(certFile, keyFile, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	name := func(now time.Time) string { return c.get(now).Leaf.Subject.CommonName }
	writePair(t, dir, "second", at.Add(time.Minute))
	if got := name(c.looked.Add(certificateFresh - 1)); got != "first" {
		t.Errorf("looked too soon: %s", got)
	}
	now := c.looked.Add(certificateFresh)
	if got := name(now); got != "second" {
		t.Errorf("after the change: %s", got)
	}
	if err := os.WriteFile(keyFile, []byte("half written"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := name(now.Add(time.Minute)); got != "second" {
		t.Errorf("with a broken key: %s", got)
	}
	if _, err := newCertificate(certFile, keyFile, nil); err == nil {
		t.Error("started with a broken key")
	}
	writePair(t, dir, "third", at.Add(2*time.Minute))
	if got := name(now.Add(2 * time.Minute)); got != "third" {
		t.Errorf("once it is whole again: %s", got)
	}
}

func TestPlainAddressesNeedAWord(t *testing.T) {
	for _, c := range []struct {
		s    settings
		want bool
	}{
		{settings{Addr: "127.0.0.1:80"}, true}, {settings{Addr: "[::1]:80"}, true}, {settings{Addr: "localhost:80"}, true},
		{settings{Addr: "0.0.0.0:80"}, false}, {settings{Addr: ":80"}, false}, {settings{Addr: "10.1.2.3:80"}, false},
		{settings{Addr: "[::]:80", BehindProxy: true}, true}, {settings{Addr: ":80", Insecure: true}, true},
		{settings{Addr: ":443", TLSCert: "c", TLSKey: "k"}, true}, {settings{Addr: "127.0.0.1:1", TLSCert: "c"}, false},
		{settings{Addr: "127.0.0.1:1", TLSKey: "k"}, false},
	} {
		if err := c.s.checkAddress(); (err == nil) != c.want {
			t.Errorf("%+v: %v", c.s, err)
		}
	}
}
