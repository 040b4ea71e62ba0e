package webhooks

import "sync"

// maxKeys bounds the keyring: some 300 bytes each.
const maxKeys = 16384

// keys is shared by every Sign: a secret decodes to the same key everywhere.
var keys = keyring{keys: map[string][]byte{}}

// keyring remembers what secrets decode to, so that a call is signed without
// decoding and checking its secret again.
type keyring struct {
	mu   sync.RWMutex // protects the field below
	keys map[string][]byte
}

// get returns the key of a secret, or why it is none.
func (k *keyring) get(secret string) ([]byte, error) {
	k.mu.RLock()
	key, ok := k.keys[secret]
	k.mu.RUnlock()
	if ok {
		return key, nil
	}
	decode := decodeSecret
	if isPrivate(secret) {
		decode = decodePrivate
	}
	key, err := decode(secret)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.keys) >= maxKeys {
		for old := range k.keys { // any one will do: a wrong guess costs a decoding
			delete(k.keys, old)
			break
		}
	}
	k.keys[secret] = key
	return key, nil
}
