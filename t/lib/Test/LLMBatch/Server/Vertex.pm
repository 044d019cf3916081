package Test::LLMBatch::Server::Vertex;

# Copyright (C) The ngx_http_llm_batch_module authors

# :predict of Vertex AI for models that embed texts: 250 instances and 20,000
# tokens in a request, but one instance of "gemini-...".  What is paid for is
# characters.

use v5.36;

use parent 'Test::LLMBatch::Server';

use List::Util qw/ sum0 /;

use Test::LLMBatch::Server qw/ floats js seed texts_of tokens_of vector /;

my $max_items = 250;
my $max_tokens = 20_000;


sub items($self, $request) {
	return unless ref $request eq 'HASH'
		and ref $request->{instances} eq 'ARRAY';
	return @{$request->{instances}};
}

sub one($self, $request) {
	return { %$request, instances => [ $request->{instances}[0] ] };
}

sub tokens($self, $request) {
	return sum0 map { length($_->{content} // '') } $self->items($request);
}

sub exact($self, $request) { return 0 }
sub counts($self) { return 'billableCharacterCount' }
sub usage_paths($self) { return 'metadata' }

sub error($self, $status, $message) {
	return js({ error => { code => $status, message => $message,
		status => $status == 429 ? 'RESOURCE_EXHAUSTED'
			: 'INVALID_ARGUMENT' } });
}

sub refuse($self, $request, $how) {
	my @items = $self->items($request);
	my $n = @items;
	my $max = $self->{path} =~ m!/gemini-! ? 1
		: $how->{vertex_items} // $max_items;
	my $tokens = tokens_of(map { $_->{content} // '' } @items);

	return 400, $self->error(400, 'Unable to submit request because it'
		. ' included too many instances. Reduce the number of'
		. ' instances and try again.: Unable to submit request'
		. " because batchSize must be $max but the entered value was"
		. " $n. Update the batchSize value and try again.")
		if $n > $max;
	return 400, $self->error(400, 'Unable to submit request because the'
		. " input token count is $tokens but the model supports up to"
		. " $max_tokens. Reduce the input token count and try again.")
		if $tokens > $max_tokens;
	return 400, $self->error(400, 'The text content is empty.')
		if grep { ($_->{content} // '') eq '' } @items;
	return;
}

sub answer($self, $request, $how) {
	my @items = $self->items($request);
	my $characters = $self->tokens($request);
	my $n = $request->{parameters}{outputDimensionality} || 8;
	my $where = $self->{path} =~ s!.*/!!r . js($request->{parameters} // {});

	return '{"predictions":[' . join(',', map {
		'{"embeddings":{"statistics":{"token_count":'
			. tokens_of($items[$_->[0]]{content} // '')
			. ',"truncated":false},"values":' . $_->[1] . '}}'
	} $self->disturb($how, map {
		[ $_, floats(vector(seed($where, $items[$_]), $n)) ]
	} 0 .. $#items))
		. qq!],"metadata":{"billableCharacterCount":$characters}}!;
}

1;
