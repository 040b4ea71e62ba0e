package webhooks

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"
)

// Guard decides which addresses may be dialed. It looks at the address after
// the name lookup, so that neither a name that changes its mind nor one of
// several answers gets past it.
//
// There are two tiers beside the open internet. Private addresses (loopback,
// RFC 1918, 100.64/10, fc00::/7) are opened by a CIDR that holds them or by the
// name of the host that leads there. Forbidden ones (link-local, metadata
// services, multicast, reserved and translated ranges, the server's own
// listeners and its database) are opened by no name and by no range wider than their own: the
// CIDR must equal the forbidden range or lie inside it, for each such range
// that holds the address. So 169.254.0.0/16 opens link-local addresses but not
// 169.254.169.254, and 127.0.0.0/8 not this server.
//
// A nil list of openings is the strictest guard; so is the zero Guard. Its
// methods may be called at any time from any goroutine.
type Guard struct {
	all   bool
	nets  []netip.Prefix
	hosts []string      // lower case, without a final dot
	names *net.Resolver // nil: the system's

	mu  sync.RWMutex // protects the field below
	own []home
}

// home is where a part of this server itself can be reached.
type home struct {
	at   netip.AddrPort
	what string
}

// AllowAll returns a guard that lets everything through, for development.
func AllowAll() *Guard { return &Guard{all: true} }

// NewGuard returns a guard that keeps to the open internet and what allow
// names: CIDRs, addresses and host names (in ASCII, as they are looked up).
func NewGuard(allow []string) (*Guard, error) {
	g := &Guard{}
	for _, entry := range allow {
		entry = strings.TrimSpace(entry)
		_, err := netip.ParseAddr(entry)
		if err == nil || strings.Contains(entry, "/") {
			prefix, err := parseOpening(entry)
			if err != nil {
				return nil, fmt.Errorf("allowed targets: %w", err)
			}
			g.nets = append(g.nets, prefix)
			continue
		}
		if !isHostName(entry) {
			return nil, fmt.Errorf("allowed targets: %q is neither a CIDR nor a host name", entry)
		}
		g.hosts = append(g.hosts, hostKey(entry))
	}
	return g, nil
}

// isHostName reports whether an entry can be a host name: letters, digits, dots,
// hyphens and underscores, and a letter somewhere: digits alone are a mistyped address.
func isHostName(s string) bool {
	return strings.ContainsFunc(s, unicode.IsLetter) && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-_", r))
	}) < 0
}

// Forbid adds listeners of this server, as host:port with a literal host. One
// that listens on all addresses is forbidden on every address of this machine.
func (g *Guard) Forbid(listeners ...string) error {
	for _, l := range listeners {
		own, err := netip.ParseAddrPort(l)
		if err != nil {
			return fmt.Errorf("forbid calls to %q: not an address and port", l)
		}
		g.forbid(own, "this server itself")
	}
	return nil
}

// ForbidDatabase adds servers of the database, as host:port. Names are looked up
// once, now: one that cannot be is left to the ranges that it lies in.
func (g *Guard) ForbidDatabase(ctx context.Context, servers ...string) {
	for _, s := range servers {
		host, port, err := net.SplitHostPort(s)
		if err != nil {
			continue
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			continue
		}
		for _, a := range g.lookUp(ctx, host) {
			g.forbid(netip.AddrPortFrom(a, uint16(n)), "the database of this server")
		}
	}
}

func (g *Guard) forbid(at netip.AddrPort, what string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.own = append(g.own, home{netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port()), what})
}

// Refusal is the guard's error. It names the host as the URL does, and not the
// address it led to.
type Refusal struct {
	Host string
	What string // what the host is, such as "a private address"
}

// Error says which host is not called and why.
func (r *Refusal) Error() string {
	return r.Host + " leads to " + r.What + ", which calls are not allowed to reach"
}

// CheckURL tells early, as a *Refusal, that calls to a URL would be refused.
// It looks at literal addresses and names of this machine only: other names are
// looked up, and checked, when they are called.
func (g *Guard) CheckURL(rawURL string) error {
	host, port, err := hostAndPort(rawURL)
	if err != nil {
		return fmt.Errorf("check where a URL leads: %w", err)
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		refused := g.check(host, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port))
		if refused == nil || g.check(host, netip.AddrPortFrom(netip.IPv6Loopback(), port)) == nil {
			return nil
		}
		return refused
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return nil
	}
	return g.check(host, netip.AddrPortFrom(a, port))
}

// Warn tells that calls to a URL would be refused if they were made now, because
// its name leads to nothing but addresses that are not allowed; "" if not. It is
// no more than a hint: the name may lead elsewhere tomorrow.
func (g *Guard) Warn(ctx context.Context, rawURL string) string {
	host, port, err := hostAndPort(rawURL)
	if err != nil || g.all {
		return ""
	}
	var refused error
	for _, a := range g.lookUp(ctx, host) {
		if refused = g.check(host, netip.AddrPortFrom(a, port)); refused == nil {
			return ""
		}
	}
	if refused == nil {
		return ""
	}
	return refused.Error()
}

// hostAndPort returns where a URL leads, its host as it is compared.
func hostAndPort(rawURL string) (host string, port uint16, err error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Hostname() == "" {
		return "", 0, errURL
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		n = 80
		if u.Scheme == "https" {
			n = 443
		}
	}
	return hostKey(u.Hostname()), uint16(n), nil
}

// lookUpTime bounds a look-up that is only for a hint.
const lookUpTime = 2 * time.Second

// lookUp returns the addresses of a host, none if it has none now.
func (g *Guard) lookUp(ctx context.Context, host string) []netip.Addr {
	ctx, stop := context.WithTimeout(ctx, lookUpTime)
	defer stop()
	addrs, err := g.names.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	return addrs
}

// dialedHost is the context key of the host that a dial is for, as in the URL.
type dialedHost struct{}

// withHost notes for control what host a dial of addr is for.
func withHost(ctx context.Context, addr string) context.Context {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	return context.WithValue(ctx, dialedHost{}, host)
}

// control is a net.Dialer's ControlContext: it sees each address before a
// connection to it is begun.
func (g *Guard) control(ctx context.Context, network, address string, _ syscall.RawConn) error {
	host, _ := ctx.Value(dialedHost{}).(string)
	to, err := netip.ParseAddrPort(address)
	if err != nil || (network != "tcp4" && network != "tcp6") {
		return &Refusal{host, "something that is not an internet address"}
	}
	return g.check(host, to)
}

// check returns why an address must not be reached by way of a host, or nil.
func (g *Guard) check(host string, to netip.AddrPort) error {
	if g.all {
		return nil
	}
	a := to.Addr().Unmap().WithZone("")
	home, isPrivate := private.find(a)
	for _, z := range forbidden {
		exempt := isPrivate && z.prefix.Overlaps(home.prefix) && z.prefix.Bits() < home.prefix.Bits()
		if !exempt && z.prefix.Contains(a) && !g.opened(a, z.prefix.Bits()) {
			return &Refusal{host, z.what}
		}
	}
	if what := g.ownAt(a, to.Port()); what != "" && !g.opened(a, a.BitLen()) {
		return &Refusal{host, what}
	}
	if isPrivate && !g.opened(a, 0) && !slices.Contains(g.hosts, hostKey(host)) {
		return &Refusal{host, home.what}
	}
	return nil
}

// opened reports whether an allowed range of at least so many bits holds the address.
func (g *Guard) opened(a netip.Addr, bits int) bool {
	return slices.ContainsFunc(g.nets, func(p netip.Prefix) bool { return p.Bits() >= bits && p.Contains(a) })
}

// ownAt says what part of this server is there; "" if none.
func (g *Guard) ownAt(a netip.Addr, port uint16) string {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, own := range g.own {
		if own.at.Port() == port && (own.at.Addr() == a || own.at.Addr().IsUnspecified() && thisMachine(a)) {
			return own.what
		}
	}
	return ""
}

// thisMachine reports whether an address is one of this machine's.
func thisMachine(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true // better one call too few
	}
	return slices.ContainsFunc(addrs, func(i net.Addr) bool {
		n, ok := i.(*net.IPNet)
		return ok && n.IP.Equal(net.IP(a.AsSlice()))
	})
}

// hostKey is a host name as it is compared.
func hostKey(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }
