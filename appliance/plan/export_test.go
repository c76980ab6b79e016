package plan

import "github.com/gatehouse-os/gatehouse/site"

// WANConfig is what the DHCP client upstream will be told, nil if there is none.
func WANConfig(s *site.Site) any {
	if s.WAN.DHCP == nil {
		return nil
	}
	return wanConfig(s)
}
