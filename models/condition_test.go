package models

import "testing"

func TestConditionOfABook(t *testing.T) {
	s := openStore(t)
	c, err := s.Condition(t.Context())
	if err != nil || c.Bytes <= 0 || c.Free < 0 || c.Free > c.Bytes || c.Schema < 1 || c.MaxWaiting <= 0 {
		t.Errorf("%+v, %v", c, err)
	}
}
