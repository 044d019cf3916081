package Test::LLMBatch::Server::Acme;

# Copyright (C) The ngx_http_llm_batch_module authors

# An API that nobody knows, for llm_batch_format: /acme/indexed tells positions
# and counts of tokens, deep in its answer, /acme/plain goes by place.  Texts
# are in "things", one of them may stand alone.

use v5.36;

use parent 'Test::LLMBatch::Server';

use Test::LLMBatch::Server qw/ floats js seed tokens_of vector /;


sub items($self, $request) {
	return unless ref $request eq 'HASH';

	my $things = $request->{things};

	return unless defined $things;
	return ref $things eq 'ARRAY' ? @$things : $things;
}

sub columns($self, $request) { return 'things' }
sub counts($self) { return 'tokens_read' }
sub usage_paths($self) { return 'meta.stats' }
sub error($self, $status, $message) { return js({ oops => $message }) }

sub answer($self, $request, $how) {
	my @items = $self->items($request);
	my $tokens = tokens_of(@items);
	my $where = $request->{model} // '';
	my @e = $self->disturb($how, map {
		[ $_, floats(vector(seed($where, $items[$_]), 4)) ]
	} 0 .. $#items);

	return '{"vectors":[' . join(',', map { $_->[1] } @e)
		. '],"note":"by place"}' if $self->{path} !~ /indexed$/;

	return '{"out":{"of":{"things":[' . join(', ', map {
		qq!{"values":$_->[1]! . (defined $_->[0]
			? qq!, "pos":$_->[0]! : '') . '}'
	} @e) . qq!]}},"meta":{"stats":{"tokens_read":$tokens}}}!;
}

1;
