package webhooks

import (
	"fmt"
	"net/netip"
)

// zone is a range of addresses and what it is, as "leads to …" would end.
type zone struct {
	prefix netip.Prefix
	what   string
}

// forbidden are ranges that nobody calls by accident and few on purpose, after
// the IANA special-purpose registries. Addresses of cloud metadata services
// stand beside the wider ranges some of them lie in, so that opening a range
// does not open them.
var forbidden = zones("a cloud metadata service",
	"169.254.169.254/32", "168.63.129.16/32", "192.80.8.124/32", "100.100.100.200/32", "192.0.0.192/32",
	"169.254.170.2/32", "169.254.170.23/32", // credentials of AWS's containers
	"fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128").
	and("a link-local address", "169.254.0.0/16", "fe80::/10").
	and("a multicast address", "224.0.0.0/4", "ff00::/8").
	and("a documentation address", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20").
	and("a benchmarking address", "198.18.0.0/15").
	and("an IPv4 address in disguise", // v4-compatible, v4-translated, NAT64, Teredo, 6to4
		"::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16").
	and("a site-local address", "fec0::/10").
	and("a reserved address", // this network, protocol assignments, AS112, AMT, 6to4 relays, class E
		"0.0.0.0/8", "192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24",
						"240.0.0.0/4", "2001::/23", "2620:4f:8000::/48").
	and("an address outside the internet", // all of IPv6 but 2000::/3
		"::/3", "4000::/2", "8000::/1")

// private are the ranges of networks of one's own. They lie outside 2000::/3
// and are exempt from the last rule above and from ::/96.
var private = zones("a loopback address", "127.0.0.0/8", "::1/128").
	and("a private address", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")

// zoneList is zones in the order in which they are named to people.
type zoneList []zone

// zones returns the zones of several ranges of one sort.
func zones(what string, prefixes ...string) zoneList {
	return zoneList(nil).and(what, prefixes...)
}

// and appends further ranges.
func (l zoneList) and(what string, prefixes ...string) zoneList {
	for _, p := range prefixes {
		l = append(l, zone{netip.MustParsePrefix(p), what})
	}
	return l
}

// find returns the first zone that holds the address.
func (l zoneList) find(a netip.Addr) (zone, bool) {
	for _, z := range l {
		if z.prefix.Contains(a) {
			return z, true
		}
	}
	return zone{}, false
}

// parseOpening reads an address or CIDR of the allow list.
func parseOpening(entry string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(entry); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(entry)
	switch {
	case err != nil:
		return p, fmt.Errorf("%q is not a CIDR", entry)
	case p.Addr().Is4In6():
		return p, fmt.Errorf("%q must be written as an IPv4 range", entry)
	case p != p.Masked():
		return p, fmt.Errorf("%q has bits set behind its length: write %s", entry, p.Masked())
	}
	return p, nil
}
