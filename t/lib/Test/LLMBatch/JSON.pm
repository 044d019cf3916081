package Test::LLMBatch::JSON;

# Copyright (C) The ngx_http_llm_batch_module authors

# JSON for the tests, by a compiled module: with JSON::PP a test of large bodies
# would measure Perl.  A name that stands twice is taken as most servers take
# it: the last one counts.

use v5.36;

use Cpanel::JSON::XS ();
use Exporter qw/ import /;

our @EXPORT = qw/ decode_json encode_json pretty_json reversed_json /;

my $json = Cpanel::JSON::XS->new->utf8->canonical->allow_nonref
	->allow_dupkeys;
my $pretty = Cpanel::JSON::XS->new->utf8->canonical->allow_nonref
	->pretty->indent_length(2)->space_before(0);


# dies if it is not JSON

sub decode_json($text) { return $json->decode($text) }

# without white space, members in order

sub encode_json($value) { return $json->encode($value) }

sub pretty_json($value) { return $pretty->encode($value) }

# the same data in another text: members in reverse order, white space

sub reversed_json($value) {
	my $type = ref $value;

	return "[\n\t" . join(" ,\n\t", map { reversed_json($_) } @$value)
		. "\n]" if $type eq 'ARRAY';
	return "{\n\t" . join(" ,\n\t", map {
		encode_json($_) . ' : ' . reversed_json($value->{$_})
	} reverse sort keys %$value) . "\n}\n" if $type eq 'HASH';
	return encode_json($value);
}

1;
