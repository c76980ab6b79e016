package packet

import "fmt"

// MessageType is the value of option 53.
type MessageType uint8

// Message types, RFC 2132 9.6.
const (
	Discover MessageType = 1 + iota
	Offer
	Request
	Decline
	ACK
	NAK
	Release
	Inform
)

// String returns the name that RFC 2131 uses, without the prefix DHCP.
func (t MessageType) String() string {
	names := [...]string{
		Discover: "DISCOVER", Offer: "OFFER", Request: "REQUEST", Decline: "DECLINE",
		ACK: "ACK", NAK: "NAK", Release: "RELEASE", Inform: "INFORM",
	}
	if int(t) < len(names) && names[t] != "" {
		return names[t]
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Option codes, RFC 2132 unless noted.
const (
	OptionPad           uint8 = 0
	OptionSubnetMask    uint8 = 1
	OptionRouter        uint8 = 3
	OptionDNS           uint8 = 6
	OptionHostName      uint8 = 12
	OptionDomain        uint8 = 15
	OptionRootPath      uint8 = 17
	OptionMTU           uint8 = 26
	OptionBroadcast     uint8 = 28
	OptionNTP           uint8 = 42
	OptionVendorInfo    uint8 = 43
	OptionRequestedAddr uint8 = 50
	OptionLeaseTime     uint8 = 51
	OptionOverload      uint8 = 52
	OptionMessageType   uint8 = 53
	OptionServerID      uint8 = 54
	OptionRequestList   uint8 = 55
	OptionMessage       uint8 = 56
	OptionMaxSize       uint8 = 57
	OptionRenewalTime   uint8 = 58
	OptionRebindingTime uint8 = 59
	OptionVendorClass   uint8 = 60
	OptionClientID      uint8 = 61
	OptionTFTPServer    uint8 = 66
	OptionBootFile      uint8 = 67
	OptionUserClass     uint8 = 77  // RFC 3004; iPXE sends it without lengths
	OptionRapidCommit   uint8 = 80  // RFC 4039
	OptionClientFQDN    uint8 = 81  // RFC 4702
	OptionRelayAgent    uint8 = 82  // RFC 3046
	OptionClientArch    uint8 = 93  // RFC 4578
	OptionMachineID     uint8 = 97  // RFC 4578: UUID
	OptionIPv6Only      uint8 = 108 // RFC 8925
	OptionPortal        uint8 = 114 // RFC 8910
	OptionSearch        uint8 = 119 // RFC 3397
	OptionRoutes        uint8 = 121 // RFC 3442
	OptionEtherboot     uint8 = 175 // iPXE's own, encapsulated: ipxe.org/howto/dhcpd
	OptionInitiatorIQN  uint8 = 203 // iSCSI initiator name, as iPXE reads it
	OptionMSRoutes      uint8 = 249 // option 121 as Microsoft had it first: [MS-DHCPE]
	OptionEnd           uint8 = 255
)
