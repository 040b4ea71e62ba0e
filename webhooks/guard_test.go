package webhooks

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"

	"code.dny.dev/ssrf"
)

// mustGuard makes a guard or ends the test.
func mustGuard(t *testing.T, allow ...string) *Guard {
	t.Helper()
	g, err := NewGuard(allow)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// dialTo asks a guard as the dialer does.
func dialTo(g *Guard, host, address string) error {
	network := "tcp4"
	if strings.Contains(address, "[") {
		network = "tcp6"
	}
	return g.control(withHost(context.Background(), net.JoinHostPort(host, "443")), network, address, nil)
}

func TestGuardByDefault(t *testing.T) {
	g := mustGuard(t)
	for address, want := range map[string]string{
		"93.184.216.34": "", "1.1.1.1": "", "172.15.255.255": "", "172.32.0.1": "", "100.63.255.255": "",
		"100.128.0.1": "", "192.167.1.1": "", "223.255.255.255": "", "2606:4700::1111": "", "2a00::1": "", "3ffe::1": "",
		"127.0.0.1": "loopback", "127.255.255.254": "loopback", "::1": "loopback",
		"10.0.0.1": "private", "172.16.0.1": "private", "172.31.255.255": "private", "192.168.1.1": "private",
		"100.64.0.1": "private", "fc00::1": "private", "fdff::1": "private",
		"0.0.0.0": "reserved", "0.1.2.3": "reserved", "192.0.0.8": "reserved", "240.0.0.1": "reserved",
		"255.255.255.255": "reserved", "192.88.99.1": "reserved", "2001:20::1": "reserved", "2620:4f:8000::1": "reserved",
		"169.254.1.1": "link-local", "fe80::1": "link-local", "fe80::1%eth0": "link-local",
		"192.0.2.1": "documentation", "198.51.100.1": "documentation", "203.0.113.1": "documentation",
		"2001:db8::1": "documentation", "3fff::1": "documentation", "198.18.0.1": "benchmarking", "198.19.255.255": "benchmarking",
		"224.0.0.1": "multicast", "239.1.1.1": "multicast", "ff02::1": "multicast",
		"169.254.169.254": "metadata", "168.63.129.16": "metadata", "192.80.8.124": "metadata", "100.100.100.200": "metadata",
		"192.0.0.192": "metadata", "fd00:ec2::254": "metadata", "fd20:ce::254": "metadata",
		"2001::1": "disguise", "2002:7f00:1::": "disguise", "64:ff9b::7f00:1": "disguise", "64:ff9b:1::1": "disguise",
		"::127.0.0.1": "disguise", "::ffff:0:127.0.0.1": "disguise", "::": "disguise",
		"::ffff:127.0.0.1": "loopback", "::ffff:10.0.0.1": "private", "::ffff:169.254.169.254": "metadata",
		"::ffff:1.1.1.1": "", "fec0::1": "site-local", "5f00::1": "outside", "100::1": "outside", "4000::1": "outside",
		"fe00::1": "outside",
	} {
		err := dialTo(g, "host.example", net.JoinHostPort(address, "443"))
		refusal, refused := errors.AsType[*Refusal](err)
		switch {
		case refused != (want != "") || (err != nil) != refused:
			t.Errorf("%s: got %v, want %q", address, err, want)
		case refused && !strings.Contains(refusal.What, want):
			t.Errorf("%s is %s, want %q", address, refusal.What, want)
		case refused && (strings.Contains(err.Error(), address) || !strings.HasPrefix(err.Error(), "host.example ")):
			t.Errorf("%s: the message must name the host and not the address: %s", address, err)
		}
	}
}

func TestGuardOpenings(t *testing.T) {
	for _, c := range []struct {
		name, allow, host, address string
		ok                         bool
	}{
		{"range", "10.0.0.0/8", "x", "10.1.2.3", true},
		{"outside of the range", "10.0.0.0/16", "x", "10.1.2.3", false},
		{"address", "10.1.2.3", "x", "10.1.2.3", true},
		{"another address", "10.1.2.3", "x", "10.1.2.4", false},
		{"mapped", "10.0.0.0/8", "x", "::ffff:10.1.2.3", true},
		{"everything private", "0.0.0.0/0", "x", "192.168.1.1", true},
		{"IPv4 does not open IPv6", "0.0.0.0/0", "x", "fc00::1", false},
		{"private IPv6", "fd00::/8", "x", "fd12::1", true},
		{"all IPv6 opens private", "::/0", "x", "fd12::1", true},
		{"all IPv6 opens loopback", "::/0", "x", "::1", true},
		{"loopback", "127.0.0.0/8", "x", "127.0.0.1", true},
		{"host", "billing.internal", "billing.internal", "10.1.2.3", true},
		{"host in other letters, with a dot", "Billing.Internal.", "BILLING.internal", "10.1.2.3", true},
		{"host with a final dot", "billing.internal", "billing.internal.", "::1", true},
		{"host below it", "internal", "billing.internal", "10.1.2.3", false},
		{"another host", "billing.internal", "other.internal", "10.1.2.3", false},
		{"host opens nothing forbidden", "billing.internal", "billing.internal", "169.254.1.1", false},
		{"host opens no metadata", "billing.internal", "billing.internal", "100.100.100.200", false},
		{"forbidden range, exact", "169.254.0.0/16", "x", "169.254.1.1", true},
		{"forbidden range, inside", "169.254.1.0/24", "x", "169.254.1.1", true},
		{"forbidden range, wider", "169.0.0.0/8", "x", "169.254.1.1", false},
		{"everything opens nothing forbidden", "0.0.0.0/0", "x", "198.18.0.1", false},
		{"metadata in an opened link-local range", "169.254.0.0/16", "x", "169.254.169.254", false},
		{"metadata in an opened private range", "100.64.0.0/10", "x", "100.100.100.200", false},
		{"metadata in an opened IPv6 range", "fd00::/8", "x", "fd00:ec2::254", false},
		{"metadata by itself", "169.254.169.254/32", "x", "169.254.169.254", true},
		{"metadata in a private range by itself", "100.100.100.200", "x", "100.100.100.200", true},
		{"public metadata by itself", "168.63.129.16/32", "x", "168.63.129.16", true},
		{"NAT64", "64:ff9b::/96", "x", "64:ff9b::7f00:1", true},
		{"range around NAT64", "64:ff9b::/32", "x", "64:ff9b::7f00:1", false},
		{"Teredo", "2001::/32", "x", "2001::1", true},
		{"range around Teredo", "2001::/23", "x", "2001::1", false},
		{"unassigned IPv6", "5f00::/16", "x", "5f00::1", true},
		{"unassigned IPv6, too wide", "::/0", "x", "5f00::1", false},
		{"an opening closes nothing", "10.0.0.0/8", "x", "1.1.1.1", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := dialTo(mustGuard(t, c.allow), c.host, net.JoinHostPort(c.address, "80"))
			if (err == nil) != c.ok {
				t.Errorf("%s by %s with %s allowed: got %v, want ok = %v", c.address, c.host, c.allow, err, c.ok)
			}
		})
	}
}

func TestNewGuardRefuses(t *testing.T) {
	for _, entry := range []string{"", " ", "10.0.0.0/33", "10.1.2.3/8", "host:80", "http://host", "*.internal", "a b",
		"999", "10.0.0", "::ffff:10.0.0.0/104", "fe80::1%eth0", "[::1]", "user@host", "/8", "höst"} {
		if _, err := NewGuard([]string{"10.0.0.0/8", entry}); err == nil {
			t.Errorf("%q was accepted", entry)
		}
	}
}

func TestGuardOwnListeners(t *testing.T) {
	const port = "8080"
	for _, c := range []struct {
		name, listener, allow, address string
		ok                             bool
	}{
		{"its address", "127.0.0.1:8080", "127.0.0.0/8", "127.0.0.1:8080", false},
		{"mapped", "127.0.0.1:8080", "127.0.0.0/8", "[::ffff:127.0.0.1]:8080", false},
		{"another port", "127.0.0.1:8080", "127.0.0.0/8", "127.0.0.1:9000", true},
		{"another address", "127.0.0.1:8080", "127.0.0.0/8", "127.0.0.2:8080", true},
		{"opened by itself", "127.0.0.1:8080", "127.0.0.1/32", "127.0.0.1:8080", true},
		{"all addresses, loopback", "[::]:8080", "127.0.0.0/8", "127.0.0.9:8080", false},
		{"all addresses, loopback IPv6", "0.0.0.0:8080", "::/0", "[::1]:8080", false},
		{"all addresses, another port", "[::]:8080", "127.0.0.0/8", "127.0.0.1:8081", true},
		{"all addresses, another machine", "[::]:8080", "10.0.0.0/8", "10.255.254.253:8080", true},
		{"a public address", "93.184.216.34:8080", "127.0.0.0/8", "93.184.216.34:8080", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := mustGuard(t, c.allow)
			if err := g.Forbid(c.listener); err != nil {
				t.Fatal(err)
			}
			err := dialTo(g, "localhost", c.address)
			if (err == nil) != c.ok {
				t.Errorf("got %v, want ok = %v", err, c.ok)
			}
			if err != nil && !strings.Contains(err.Error(), "this server itself") {
				t.Errorf("got %v, want the server itself", err)
			}
		})
	}
	if err := mustGuard(t).Forbid("localhost:" + port); err == nil {
		t.Error("a listener by name was accepted")
	}
	if err := dialTo(AllowAll(), "x", "169.254.169.254:80"); err != nil {
		t.Errorf("AllowAll: %v", err)
	}
}

func TestGuardRefusesOtherNetworks(t *testing.T) {
	for _, c := range [][2]string{{"unix", "/run/x.sock"}, {"udp4", "1.1.1.1:53"}, {"tcp4", "nonsense"}} {
		if err := mustGuard(t).control(context.Background(), c[0], c[1], nil); err == nil {
			t.Errorf("%s %s was let through", c[0], c[1])
		}
	}
}

func TestCheckURL(t *testing.T) {
	open := mustGuard(t, "127.0.0.0/8")
	if err := open.Forbid("127.0.0.1:8080", "127.0.0.1:80"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		guard *Guard
		url   string
		ok    bool
	}{
		{"public name", mustGuard(t), "https://api.example.com/hook?x=1", true},
		{"public address", mustGuard(t), "http://93.184.216.34", true},
		{"private name is seen at the call", mustGuard(t), "http://billing.internal/", true},
		{"private address", mustGuard(t), "http://10.0.0.1/", false},
		{"private address with a final dot", mustGuard(t), "http://10.0.0.1./", false},
		{"IPv6 loopback", mustGuard(t), "http://[::1]:9000/", false},
		{"mapped", mustGuard(t), "http://[::ffff:127.0.0.1]/", false},
		{"with a zone", mustGuard(t), "http://[fe80::1%25eth0]/", false},
		{"metadata", mustGuard(t, "169.254.0.0/16"), "http://169.254.169.254/latest", false},
		{"localhost", mustGuard(t), "http://localhost:9000/", false},
		{"LOCALHOST.", mustGuard(t), "http://LOCALHOST.:9000/", false},
		{"below localhost", mustGuard(t), "http://a.localhost/", false},
		{"localhost by name", mustGuard(t, "localhost"), "http://localhost:9000/", true},
		{"localhost by IPv4", open, "http://localhost:9000/", true},
		{"localhost by IPv6", mustGuard(t, "::1"), "http://localhost:9000/", true},
		{"this server", open, "http://127.0.0.1:8080/v1/jobs", false},
		{"this server by name", open, "http://localhost:8080/v1/jobs", false},
		{"this server, default port", open, "http://127.0.0.1/", false},
		{"same address, other default port", open, "https://127.0.0.1/", true},
		{"all allowed", AllowAll(), "http://169.254.169.254/", true},
		{"no URL", mustGuard(t), "://", false},
		{"no host", mustGuard(t), "http:///x", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.guard.CheckURL(c.url)
			if (err == nil) != c.ok {
				t.Fatalf("%s: got %v, want ok = %v", c.url, err, c.ok)
			}
		})
	}
}

// deliberate are the addresses that this guard refuses and the oracle lets pass.
var deliberate = []netip.Prefix{
	netip.MustParsePrefix("168.63.129.16/32"), // Azure's metadata service has a public address
	netip.MustParsePrefix("192.80.8.124/32"),  // and so has Equinix Metal's
}

// TestGuardAgainstOracle compares the strictest guard with an independent one
// on random addresses, half of them within a few bits of an edge of some range.
// Beside deliberate there is one difference: of IPv4-mapped addresses the
// oracle refuses all, this guard those whose IPv4 address it refuses.
func TestGuardAgainstOracle(t *testing.T) {
	oracle := ssrf.New(ssrf.WithAnyPort())
	g := mustGuard(t)
	edges := edgeAddresses()
	rnd := rand.New(rand.NewPCG(1, 2))
	refused, passed := 0, 0
	for range 200_000 {
		a := randomAddress(rnd, edges)
		want := oracle.SafeAddr(a.Unmap()) == nil
		for _, p := range deliberate {
			want = want && !p.Contains(a.Unmap())
		}
		got := g.check("host", netip.AddrPortFrom(a, 443)) == nil
		if got != want {
			t.Fatalf("%s: let through = %v, the oracle says %v", a, got, want)
		}
		if got {
			passed++
		} else {
			refused++
		}
	}
	if refused < 25_000 || passed < 25_000 {
		t.Errorf("%d refused and %d let through: too few of one sort to compare", refused, passed)
	}
}

// edgeAddresses returns the first and last address of every range known to
// either guard.
func edgeAddresses() []netip.Addr {
	prefixes := append([]netip.Prefix{ssrf.IPv6GlobalUnicast, ssrf.IPv6NAT64Prefix}, ssrf.IPv4DeniedPrefixes...)
	prefixes = append(prefixes, ssrf.IPv6DeniedPrefixes...)
	for _, z := range append(append(zoneList{}, forbidden...), private...) {
		prefixes = append(prefixes, z.prefix)
	}
	var edges []netip.Addr
	for _, p := range prefixes {
		last := p.Masked().Addr().AsSlice()
		for bit := p.Bits(); bit < len(last)*8; bit++ {
			last[bit/8] |= 1 << (7 - bit%8)
		}
		end, _ := netip.AddrFromSlice(last)
		edges = append(edges, p.Masked().Addr(), end)
	}
	return edges
}

// randomAddress returns an edge, one beside it, an IPv4, an IPv4-mapped or an IPv6 address.
func randomAddress(rnd *rand.Rand, edges []netip.Addr) netip.Addr {
	edge := edges[rnd.IntN(len(edges))]
	switch rnd.IntN(6) {
	case 0:
		return edge
	case 1:
		if next := edge.Next(); next.IsValid() {
			return next
		}
		return edge
	case 2:
		if prev := edge.Prev(); prev.IsValid() {
			return prev
		}
		return edge
	case 3:
		return v4(rnd)
	case 4:
		return netip.AddrFrom16(v4(rnd).As16())
	default:
		var b [16]byte
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		if rnd.IntN(2) == 0 {
			b[0] = 0x20 | b[0]&0x1f // half of them global
		}
		return netip.AddrFrom16(b)
	}
}

// v4 returns a random IPv4 address.
func v4(rnd *rand.Rand) netip.Addr {
	n := rnd.Uint32()
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}
