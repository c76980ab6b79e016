package plan

import (
	"github.com/gatehouse-os/gatehouse/services/dns"
	"github.com/gatehouse-os/gatehouse/site"
)

// DNSConfig is what DNS is told of a site.
func DNSConfig(s *site.Site) dns.Config { return dnsConfig(s) }
